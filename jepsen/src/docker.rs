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

/// Whatever carries the label of any cluster.
const OF_ANY: &str = "label=jeroboam.cluster";

/// Nothing on the engine carries the label of a cluster: the engine has addresses for some thirty networks, and a campaign that lacks one reads like
/// a fault of the members.
///
/// Nothing is removed here: it may be of members that somebody else has running.
pub async fn nothing_left() -> Result<(), Error> {
    let containers = docker(&["ps", "--all", "--quiet", "--filter", OF_ANY]).await?.lines().count();
    let networks = docker(&["network", "ls", "--quiet", "--filter", OF_ANY]).await?.lines().count();
    refusal(containers, networks).map_or(Ok(()), |words| Err(Error::Setup(words)))
}

fn refusal(containers: usize, networks: usize) -> Option<String> {
    (containers + networks > 0).then(|| {
        format!(
            "the Docker Engine has {containers} containers and {networks} networks with the label jeroboam.cluster: delete the bays of members that \
             run; what an earlier run has left goes by: docker ps -aq --filter {OF_ANY} | xargs -r docker rm -fv; \
             docker network ls -q --filter {OF_ANY} | xargs -r docker network rm"
        )
    })
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

    #[test]
    fn an_engine_on_which_something_is_left_is_refused_and_the_way_out_is_said() {
        assert_eq!(refusal(0, 0), None);
        for (containers, networks) in [(1, 0), (0, 1)] {
            let words = refusal(containers, networks).unwrap();
            assert!(words.contains("docker rm -fv") && words.contains("docker network rm"), "{words}");
        }
    }
}
