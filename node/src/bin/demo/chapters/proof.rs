//! Nothing acknowledged was lost, nothing was made twice: as every member says, and as Docker says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{Stage, until};
use crate::{
    Failure,
    rest::{Rest, text},
    story::{chapter, line},
    witness,
};

/// Objects per page.
const PAGE: usize = 500;

pub(super) async fn prove(stage: &mut Stage) -> Result<(), Failure> {
    chapter("6. The proof");
    let rest = stage.rest.clone();
    let addresses = stage.members()?.addresses();
    for (position, address) in addresses.iter().enumerate() {
        let listed = list(&rest, address).await?;
        check(stage, &listed).map_err(|why| format!("as member {} says: {why}", position + 1))?;
        line(&format!(
            "member {} lists all {} acknowledged creates, each once, each under the id its client was told; nothing else is there",
            position + 1,
            stage.made.len()
        ));
    }
    let digest = until(Duration::from_secs(20), "equal digests on all members", async || digests(&rest, &addresses).await).await?;
    line(&format!("the whole state has the same digest on all three members: {digest}"));
    let bay = stage.bay()?;
    let containers = witness::containers(&bay).await?;
    if containers.len() != 1 {
        return Err(format!("docker lists {} containers of the bay, not one", containers.len()));
    }
    line("docker lists one container of the bay: not two, not none");
    Ok(())
}

/// All baymodels of the stream as one member lists them: name → ids.
async fn list(rest: &Rest, address: &str) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut marker = String::new();
    loop {
        let page = rest.get(address, &format!("/v1/baymodels?limit={PAGE}{marker}")).await?;
        let rows = page.get("baymodels").and_then(Value::as_array).ok_or("a list without baymodels")?;
        for row in rows {
            let name = text(row, "name")?;
            if name.starts_with("stream-") {
                found.entry(name.to_owned()).or_default().push(text(row, "uuid")?.to_owned());
            }
        }
        let Some(last) = rows.last().filter(|_| rows.len() == PAGE) else { return Ok(found) };
        marker = format!("&marker={}", text(last, "uuid")?);
    }
}

fn check(stage: &Stage, listed: &BTreeMap<String, Vec<String>>) -> Result<(), Failure> {
    for made in &stage.made {
        match listed.get(&made.name).map(Vec::as_slice) {
            None => return Err(format!("{} was acknowledged and is lost", made.name)),
            Some([uuid]) if *uuid == made.uuid => {}
            Some([uuid]) => return Err(format!("{} has the id {uuid}, its client was told {}", made.name, made.uuid)),
            Some(many) => return Err(format!("{} was made {} times", made.name, many.len())),
        }
    }
    let acknowledged: BTreeSet<&str> = stage.made.iter().map(|made| made.name.as_str()).collect();
    match listed.keys().find(|name| !acknowledged.contains(name.as_str())) {
        Some(name) => Err(format!("{name} is there and nobody was told")),
        None => Ok(()),
    }
}

/// The digest, if all members have the same one at the same log index.
async fn digests(rest: &Rest, addresses: &[String]) -> Option<String> {
    let mut all = BTreeSet::new();
    for address in addresses {
        let view = rest.get(address, "/v1/jeroboam/digest").await.ok()?;
        all.insert((view.get("applied")?.as_u64()?, text(&view, "digest").ok()?.to_owned()));
    }
    let mut all = all.into_iter();
    let (index, digest) = all.next().filter(|(_, digest)| !digest.is_empty())?;
    all.next().is_none().then(|| format!("{} at log index {index}", digest.chars().take(16).collect::<String>()))
}
