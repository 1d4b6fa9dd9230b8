//! What the bay's own event log says of all this.

use super::{Stage, owner};
use crate::{
    Failure,
    story::{chapter, line, quote},
};

/// Tells the bay's story as `jeroboam events` tells it, and checks that the kill is part of it.
pub(super) async fn tell(stage: &mut Stage) -> Result<(), Failure> {
    chapter("5. The bay's own story");
    let (rest, bay, any) = (stage.rest.clone(), stage.bay()?, stage.any()?);
    let (_, epoch) = owner(&rest, &any, &bay).await.ok_or("nobody owns the bay")?;
    let members = stage.members()?;
    let member = members.all.last().ok_or("there are no members")?;
    let told = members.on(member, &["events", &bay]).await?;
    line(&format!("$ jeroboam events {bay} --data-dir {}", member.folder().display()));
    quote(&told);
    for expected in ["asks for the bay", "provision.create: success", "the bay is CREATE_COMPLETE", &format!("epoch {epoch}")] {
        if !told.contains(expected) {
            return Err(format!("the bay's story does not tell: {expected}"));
        }
    }
    line("every line was written by the log entry that made it true, so every member tells the same story");
    Ok(())
}
