//! Docker's own word, through its own client: what is there, whatever our members say.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::Failure;

/// The label every container and network of ours carries.
pub(crate) const LABEL: &str = "jeroboam.cluster";

/// Runs `docker …` and returns what it printed.
pub(crate) async fn docker(arguments: &[&str]) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| format!("docker {}: {why}", arguments.join(" "));
    let run = Command::new("docker").args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(30), run).await.map_err(|_| failed(&"no end"))?.map_err(|error| failed(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(failed(&String::from_utf8_lossy(&output.stderr).trim()))
}

/// Containers of one bay, running or not: one line each.
pub(crate) async fn containers(cluster: &str) -> Result<Vec<String>, Failure> {
    lines(&["ps", "-a", "--no-trunc", "--filter", &format!("label={LABEL}={cluster}"), "--format", "{{.ID}}"]).await
}

/// Networks of one bay.
pub(crate) async fn networks(cluster: &str) -> Result<Vec<String>, Failure> {
    lines(&["network", "ls", "--filter", &format!("label={LABEL}={cluster}"), "--format", "{{.Name}}"]).await
}

/// The process of a container and when it was started: changes when it was restarted or made anew.
pub(crate) async fn life(container: &str) -> Result<String, Failure> {
    docker(&["inspect", "--format", "process {{.State.Pid}}, started {{.State.StartedAt}}", container]).await
}

async fn lines(arguments: &[&str]) -> Result<Vec<String>, Failure> {
    Ok(docker(arguments).await?.lines().map(str::to_owned).collect())
}

/// Removes what a failed demo left of its bay; best effort, the failure itself is what counts.
pub(crate) async fn sweep(cluster: &str) {
    for container in containers(cluster).await.unwrap_or_default() {
        if let Err(error) = docker(&["rm", "-f", &container]).await {
            crate::story::line(&error);
        }
    }
    for network in networks(cluster).await.unwrap_or_default() {
        if let Err(error) = docker(&["network", "rm", &network]).await {
            crate::story::line(&error);
        }
    }
}
