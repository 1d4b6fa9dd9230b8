//! Docker's own listing, through its own command line.
//!
//! The product speaks to Docker in its way; the judge asks Docker in another. Only containers with our label of
//! one cluster are looked at or removed.

use std::{path::Path, time::Duration};

use crate::{Error, check::inventory::Seen, process::run};

const LIMIT: Duration = Duration::from_secs(20);
const FORMAT: &str = concat!("{{.ID}}\t{{.Label \"jeroboam.container\"}}\t", "{{.Label \"jeroboam.epoch\"}}\t{{.State}}");

/// Whether there is an engine that answers.
pub async fn is_there() -> bool {
    docker(&["version", "--format", "{{.Server.Version}}"]).await.is_ok()
}

/// All containers of a cluster, running or not.
pub async fn containers(cluster: &str) -> Result<Vec<Seen>, Error> {
    let filter = format!("label=jeroboam.cluster={cluster}");
    let out = docker(&["ps", "--all", "--no-trunc", "--filter", &filter, "--format", FORMAT]).await?;
    Ok(out.lines().filter_map(row).collect())
}

/// Networks of a cluster.
pub async fn networks(cluster: &str) -> Result<Vec<String>, Error> {
    let filter = format!("label=jeroboam.cluster={cluster}");
    let out = docker(&["network", "ls", "--no-trunc", "--filter", &filter, "--quiet"]).await?;
    Ok(out.lines().map(str::to_owned).collect())
}

/// Whether the engine has this image.
pub async fn has_image(image: &str) -> bool {
    docker(&["image", "inspect", "--format", "{{.Id}}", image]).await.is_ok()
}

/// Removes what a run has left behind, after it has been judged.
pub async fn sweep(cluster: &str) -> Result<(), Error> {
    for one in containers(cluster).await? {
        docker(&["rm", "--force", "--volumes", &one.id]).await?;
    }
    for network in networks(cluster).await? {
        docker(&["network", "rm", &network]).await?;
    }
    Ok(())
}

async fn docker(arguments: &[&str]) -> Result<String, Error> {
    run(Path::new("docker"), arguments, LIMIT).await
}

/// A row of `FORMAT`; containers without the label are helpers of the cluster, not container objects.
fn row(line: &str) -> Option<Seen> {
    let mut fields = line.split('\t').map(str::trim);
    let (id, container, epoch, state) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    (!container.is_empty()).then(|| Seen {
        id: id.to_owned(),
        container: container.to_owned(),
        epoch: epoch.parse().unwrap_or(0),
        state: state.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_helpers_left_out() {
        let seen = row("abc\t11-22\t7\trunning");
        assert_eq!(seen.map(|one| (one.container, one.epoch)), Some(("11-22".to_owned(), 7)));
        assert_eq!(row("abc\t\t7\trunning"), None);
    }
}
