//! A long list, from a member that does not lead.

use std::time::Duration;

use tokio::time::Instant;

use super::{Figure, Figures, Run};
use crate::{
    Error,
    clock::{millis, nanos},
    report::quantile,
    rest::Request,
};

/// Bays on one page, and how often the page is asked for.
const PAGE: (u32, u32) = (1000, 200);
/// How long a page may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks for the same page again and again; a cluster of one has only its leader to ask.
pub(super) async fn measure(run: &mut Run<'_>, figures: &mut Figures) -> Result<(), Error> {
    let leader = run.stage.cluster.leader(LIMIT).await?;
    let names = run.stage.cluster.names();
    let name = names.iter().find(|name| **name != leader).unwrap_or(&leader).clone();
    let member = run.stage.cluster.member(&name)?;
    let (endpoint, before) = (member.endpoint.clone(), member.program.cpu()?);
    let mut times = Vec::new();
    for _ in 0..PAGE.1 {
        let started = Instant::now();
        endpoint.ask(&Request::get(format!("/v1/bays?limit={}", PAGE.0)), LIMIT).await?;
        times.push(nanos(started.elapsed()));
    }
    let spent = run.stage.cluster.member(&name)?.program.cpu()?.saturating_sub(before);
    times.sort_unstable();
    figures.put(Figure::ListMedian, millis(quantile(&times, 50)), 1);
    figures.put(Figure::ListP99, millis(quantile(&times, 99)), 1);
    figures.put(Figure::ListCpu, spent.as_secs_f64() * 1e3 / f64::from(PAGE.1), 1);
    Ok(())
}
