//! What every campaign needs, and the last questions every campaign asks.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    Chance, Clock, Error,
    backend::{Backend, Journal, Script, heat},
    check::{Finding, replicas, sets},
    cluster::{Cluster, Settings},
    history::Recorder,
    process::Disk,
    report::Summary,
    rest::{Hopper, admin, baymodel},
};

/// How a campaign is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The product's binary.
    pub binary: PathBuf,
    /// The seed of all chance.
    pub seed: u64,
    /// Where the runs keep their folders.
    pub folder: PathBuf,
    /// Keys of the product's configuration for every campaign.
    pub tuning: BTreeMap<String, String>,
    /// Whether figures worse than their targets make the verdict false.
    pub targets: bool,
    /// The image of the containers.
    pub image: String,
}

/// The stage of one run: a cluster of its own, a history of its own.
#[derive(Debug)]
pub struct Stage {
    /// The members.
    pub cluster: Cluster,
    /// The history.
    pub recorder: Arc<Recorder>,
    /// All chance of this run.
    pub chance: Chance,
    /// A client over all members.
    pub hopper: Hopper,
    /// Folder of this run: histories, logs, data.
    pub folder: PathBuf,
}

/// The limit of one attempt of a patient client.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long a client goes on with one request before it calls it failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the members may take to come to rest at the end.
const REST: Duration = Duration::from_secs(60);

impl Options {
    /// The lease of the product as it is configured for this campaign; its default is 5 s.
    #[must_use]
    pub fn lease(&self) -> Duration {
        let text = self.tuning.get("conductor.lease").map_or("5s", String::as_str);
        let number = |suffix| text.strip_suffix(suffix).and_then(|number| number.parse().ok());
        match (number("ms"), number("s")) {
            (Some(millis), _) => Duration::from_millis(millis),
            (None, Some(seconds)) => Duration::from_secs(seconds),
            (None, None) => Duration::from_secs(5),
        }
    }
}

/// A scripted backend, and the clock that it reads.
async fn scripted(options: &Options, name: &str, script: Script, journal: Journal) -> Result<(Clock, Backend), Error> {
    let clock = Clock::start();
    let chance = Chance::seeded(options.seed).fork(name).fork("backend");
    Ok((clock, Backend::start(clock, chance, script, journal).await?))
}

impl Stage {
    /// Starts a cluster of `size` members in a folder called `name`.
    pub async fn set(options: &Options, name: &str, size: usize, tuning: &[(&str, &str)]) -> Result<Self, Error> {
        Self::on(options, name, size, tuning, None).await
    }

    /// The same, with the members' data folders on a disk that can lose power.
    pub async fn on(options: &Options, name: &str, size: usize, tuning: &[(&str, &str)], disk: Option<&Disk>) -> Result<Self, Error> {
        Self::set_at(Clock::start(), options, name, size, tuning, disk).await
    }

    /// The same, with a scripted backend in the place of a Docker Engine; both read the same clock.
    pub async fn with_backend(
        options: &Options,
        name: &str,
        size: usize,
        tuning: &[(&str, &str)],
        (script, journal): (Script, Journal),
    ) -> Result<(Self, Backend), Error> {
        let (clock, backend) = scripted(options, name, script, journal).await?;
        let endpoint = backend.endpoint();
        let mut tuning = tuning.to_vec();
        tuning.push(("drivers.docker.endpoint", &endpoint));
        Ok((Self::set_at(clock, options, name, size, &tuning, None).await?, backend))
    }

    /// The same, with a scripted cloud for the driver `heat` beside the scripted engine.
    pub async fn with_cloud(
        options: &Options,
        name: &str,
        size: usize,
        tuning: &[(&str, &str)],
        (script, journal): (Script, Journal),
    ) -> Result<(Self, Backend), Error> {
        let (clock, backend) = scripted(options, name, script, journal).await?;
        let folder = options.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        let secret = folder.join("credential");
        std::fs::write(&secret, heat::SECRET).map_err(Error::file("write", &secret))?;
        let (endpoint, identity, secret) = (backend.endpoint(), backend.identity(), secret.display().to_string());
        let mut tuning = tuning.to_vec();
        tuning.extend([
            ("drivers.docker.endpoint", endpoint.as_str()),
            ("drivers.heat.auth_url", identity.as_str()),
            ("drivers.heat.region", "RegionOne"),
            ("drivers.heat.application_credential", "conductor-credential"),
            ("drivers.heat.application_credential_secret_file", secret.as_str()),
            ("drivers.heat.api_cidr", "127.0.0.0/8"),
            ("drivers.heat.poll", "200ms"),
        ]);
        Ok((Self::set_at(clock, options, name, size, &tuning, None).await?, backend))
    }

    async fn set_at(
        clock: Clock,
        options: &Options,
        name: &str,
        size: usize,
        tuning: &[(&str, &str)],
        disk: Option<&Disk>,
    ) -> Result<Self, Error> {
        let folder = options.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        let mut keys: BTreeMap<String, String> = tuning.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        keys.extend(options.tuning.clone());
        let settings = Settings {
            binary: options.binary.clone(),
            folder: folder.clone(),
            size,
            tuning: keys,
            data: disk.map(|disk| disk.path().to_owned()),
        };
        let cluster = Cluster::start(settings).await?;
        let recorder = Arc::new(Recorder::create(&folder, clock)?);
        let chance = Chance::seeded(options.seed).fork(name);
        let hopper = Hopper::new(cluster.roster(), ATTEMPT, PATIENCE);
        Ok(Self { cluster, recorder, chance, hopper, folder })
    }

    /// The final list of baymodels, from each member.
    pub async fn lists(&self) -> Result<BTreeMap<String, Vec<sets::Listed>>, Error> {
        let mut lists = BTreeMap::new();
        for member in self.hopper.roster().all() {
            lists.insert(member.name.to_string(), baymodel::list(&member, None).await?);
        }
        Ok(lists)
    }

    /// The last questions: all members alive and at rest, states equal, no answer 5xx but 503.
    pub async fn last_questions(&mut self, summary: &mut Summary) -> Result<(), Error> {
        for complaint in self.cluster.complaints() {
            summary.finding(complaint);
        }
        if let Err(late) = self.cluster.settled(REST).await {
            summary.finding(format!("liveness: {late}"));
            return Ok(());
        }
        match self.replicas().await {
            Some(findings) => summary.findings(&findings, &[]),
            None => summary.finding("liveness: the members did not come to rest at one log index"),
        }
        let tally = self.hopper.tally();
        let broken = tally.broken.load(Ordering::Relaxed);
        if broken > 0 {
            summary.finding(format!("{broken} answers were 5xx other than 503"));
        }
        summary.note(format!(
            "attempts {}, no connection {}, answer lost {}, 503 {}, 429 {}",
            tally.attempts.load(Ordering::Relaxed),
            tally.unreachable.load(Ordering::Relaxed),
            tally.lost.load(Ordering::Relaxed),
            tally.unavailable.load(Ordering::Relaxed),
            tally.throttled.load(Ordering::Relaxed),
        ));
        Ok(())
    }

    /// Digests of all members at one index; `None` when they do not stand still.
    async fn replicas(&self) -> Option<Vec<Finding>> {
        let started = Instant::now();
        let members = self.hopper.roster().all();
        while started.elapsed() < REST {
            let asked = members.iter().map(admin::replica);
            let answers = futures::future::join_all(asked).await;
            let replicas: Vec<_> = answers.into_iter().flatten().collect();
            if replicas.len() == members.len()
                && let Some(findings) = replicas::check(&replicas)
            {
                return Some(findings);
            }
            sleep(Duration::from_millis(200)).await;
        }
        None
    }
}
