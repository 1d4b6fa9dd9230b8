//! Cells without members: certificates are made by a command, which fails half way and is given again.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{
    cell::{Cell, Fault, Outcomes},
    ground::LEASE,
};
use crate::{Error, process::run};

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(30);

/// Tries a cell in a folder of its own.
pub(super) async fn strike(binary: &Path, folder: &Path, cell: &Cell, outcomes: &Outcomes) -> Result<(), Error> {
    let folder: PathBuf = folder.join(format!("pki-{}", cell.number));
    let pki = folder.display().to_string();
    let of_member = cell.point.name.starts_with("certificate::member");
    let init = ["pki", "init", "--dir", &pki];
    let member = ["pki", "member", "7", "--dir", &pki];
    if of_member {
        run(binary, &init, COMMAND).await?;
    }
    let arguments: &[&str] = if of_member { &member } else { &init };
    let said = broken(binary, arguments, cell).await?;
    let mark = format!("fault point {}: ", cell.point.name);
    outcomes.note(cell.number, |outcome| (outcome.tried, outcome.reached, outcome.accepted) = (true, said.contains(&mark), 1));
    // Whoever gave the command gives it again; one that was only asleep has done it.
    if cell.fault != Fault::Stop
        && let Err(error) = run(binary, arguments, COMMAND).await
    {
        outcomes.found(cell.number, format!("given again: {error}"));
    }
    if !of_member && let Err(error) = run(binary, &member, COMMAND).await {
        outcomes.found(cell.number, format!("the authority signs nothing: {error}"));
    }
    match run(binary, &["pki", "show", &pki], COMMAND).await {
        Ok(shown) if shown.contains("member-7/member.pem") => outcomes.note(cell.number, |outcome| outcome.ended = 1),
        other => outcomes.found(cell.number, format!("no certificate of the member in the end: {other:?}")),
    }
    Ok(())
}

/// Runs a command that fails at the point; what it said.
async fn broken(binary: &Path, arguments: &[&str], cell: &Cell) -> Result<String, Error> {
    let program = || format!("{} {}", binary.display(), arguments.join(" "));
    let failed = |reason: String| Error::Program { program: program(), reason };
    let mut command = Command::new(binary);
    command.args(arguments).env("JEROBOAM_FAULTS", cell.order()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn().map_err(|error| failed(error.to_string()))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).map(nix::unistd::Pid::from_raw);
    if cell.fault == Fault::Stop {
        tokio::time::sleep(LEASE * 2).await;
        if let Some(id) = id {
            nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGCONT).map_err(|error| failed(error.to_string()))?;
        }
    }
    let output = timeout(COMMAND, child.wait_with_output()).await.map_err(|_| failed("did not end".to_owned()))?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
