//! A member's parts, built in order: listeners and data folder, Raft, drivers, conductor, REST, control socket, announcement.
//!
//! What can fail for a reason a person must act on (a port, the folder, certificates, tokens) comes first, before anything is changed.
//! Everything that runs is in [`Running`]; nothing else holds a task.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use api::App;
use conductor::Conductor;
use drivers::Registry;
use futures::FutureExt as _;
use raft::{Handle, Member, seam::Seams};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Error, announce,
    answers::Answers,
    audit,
    config::{self, Config},
    control::{Desk, Door},
    entry::{self, address_error},
    identity, metrics,
    serve::Serve,
};

/// A running member.
#[derive(Debug)]
pub struct Running {
    pub(crate) member: Member,
    pub(crate) app: App,
    pub(crate) conductor: Part,
    broken: watch::Receiver<Option<String>>,
    pub(crate) serve: Part,
    pub(crate) door: Part,
    pub(crate) announce: Part,
}

impl Running {
    /// Why it cannot go on; resolves once, when that happens.
    pub async fn fatal(&self) -> String {
        let mut broken = self.broken.clone();
        let conductor = async {
            while broken.changed().await.is_ok() {
                if let Some(reason) = broken.borrow_and_update().clone() {
                    return reason;
                }
            }
            // In a stop nobody asks any more; at any other time this was a panic.
            "the conductor ended without a word".to_owned()
        };
        tokio::select! {
            reason = self.member.fatal() => reason,
            reason = conductor => reason,
        }
    }

    /// The way to its consensus.
    pub fn handle(&self) -> Handle {
        self.member.handle()
    }
}

/// Where a part says why the member cannot go on.
type Tell = watch::Sender<Option<String>>;

/// A task and the way to end it.
#[derive(Debug)]
pub(crate) struct Part {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    /// `tell` hears of it if the task breaks: without any of them the member would be half alive.
    fn start<F: Future<Output = ()> + Send + 'static>(
        seams: &Seams,
        (name, tell): (&'static str, &Tell),
        run: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let (part, tell) = (run(stop.clone()), tell.clone());
        let task = seams.rest.spawn(async move {
            if AssertUnwindSafe(part).catch_unwind().await.is_err() {
                tell.send_replace(Some(format!("its {name} broke")));
            }
        });
        Self { task, stop }
    }

    /// Tells it to end and waits; what has not ended at the limit is cut off.
    pub(crate) async fn stop(mut self, limit: Duration) {
        self.stop.cancel();
        if timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
            // What comes after it in the order of stopping must find it gone. That it was cut off is no news.
            drop(self.task.await);
        }
    }
}

/// Builds and starts everything.
///
/// # Errors
/// One line that says what to do.
pub async fn boot(config: Config, seams: Seams) -> Result<Running, Error> {
    let identity = identity::identity(&config, &seams)?;
    let policy = identity::rules(config.api.policy.as_deref())?;
    policy.warnings().iter().for_each(|warning| tracing::warn!("api.policy: {warning}"));
    let registry = registry(&config)?;
    let listen = seams.network.listen(&config.api.listen).await;
    let listener = listen.map_err(address_error(&config.api.listen, "api.listen"))?;
    let entered = entry::enter(&config, &seams).await?;
    model::fault_point!("node::boot::entered");
    let handle = entered.member.handle();
    let drivers = registry.names();
    let conductor = Conductor::new(handle.clone(), registry, conductor_settings(&config), seams.chance.clone());
    let conductor = conductor.with_sinks(audit::sinks(&config.audit, &config.member.name, handle.cluster())?);
    handle.serve(Arc::new(Answers::new(handle.clone(), conductor.answers())));
    let (tell, broken) = watch::channel(None);
    let app = App::new(handle.clone(), identity, policy, api_settings(&config));
    let counters = conductor.metrics();
    let own = handle.member().0;
    app.add_metrics(move || metrics::conductor(own, &counters.counts()));
    let serve = Serve::new(listener, api::router(app.clone()), config.api.clone());
    let limit = config.stop.requests;
    let door = Door::open(&config.member.data_dir)?;
    let desk = Arc::new(Desk::new(handle.clone(), config.peer.tls_dir.is_none()));
    let record = announce::record(&config, &handle, &seams, drivers);
    let promote = entered.joined && config.cluster.promote;
    tracing::info!(member = %handle.member(), api = config.api.listen, peer = config.peer.listen, "serving");
    Ok(Running {
        member: entered.member,
        app,
        conductor: Part::start(&seams, ("conductor", &tell), |stop| conduct(conductor, stop, tell.clone())),
        broken,
        serve: Part::start(&seams, ("REST listener", &tell), |stop| serve.run(stop, limit)),
        door: Part::start(&seams, ("control socket", &tell), |stop| door.run(desk, stop)),
        announce: Part::start(&seams, ("announcement", &tell), |stop| announce::run(handle, record, promote, stop)),
    })
}

async fn conduct(conductor: Conductor, stop: CancellationToken, tell: Tell) {
    if let Err(error) = conductor.run(stop).await {
        tell.send_replace(Some(format!("the conductor: {error}")));
    }
}

fn registry(config: &Config) -> Result<Registry, Error> {
    let settings = drivers::registry::Settings { local: config.docker.clone(), heat: config.heat.clone() };
    Ok(Registry::standard(&settings).map_err(|error| config::Error(error.to_string()))?)
}

fn conductor_settings(config: &Config) -> conductor::Settings {
    conductor::Settings {
        lease: config.conductor.lease,
        margin: config.conductor.margin,
        looks: config.conductor.looks,
        unseen: config.conductor.unseen,
        events: Some((config.events.keep, config.events.backlog)),
        ..conductor::Settings::default()
    }
}

fn api_settings(config: &Config) -> api::Settings {
    let usual = api::Settings::default();
    api::Settings {
        name: config.member.name.clone(),
        advertised: config.api.advertise.clone(),
        trust_forwarded: config.api.trust_forwarded,
        request_timeout: config.api.request_timeout,
        body_timeout: config.api.body_timeout,
        max_body_bytes: config.api.body_bytes,
        container_timeout: config.api.container_timeout,
        max_watches: config.api.watches,
        default_quota: config.api.default_quota,
        auth_uri: config.keystone.as_ref().map_or(usual.auth_uri, |keystone| keystone.advertised.clone()),
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use raft::seam::{Executor, OsChance, OsWall, Tcp};

    use super::*;

    #[tokio::test]
    async fn a_part_that_breaks_is_told_of() {
        let own = Executor::new(tokio::runtime::Handle::current());
        let seams = Seams { chance: Arc::new(OsChance), wall: Arc::new(OsWall), network: Arc::new(Tcp), raft: own.clone(), rest: own };
        let (tell, mut broken) = watch::channel(None);
        let part = Part::start(&seams, ("announcement", &tell), |_| async { panic!("it breaks") });
        broken.changed().await.unwrap();
        assert_eq!(broken.borrow_and_update().as_deref(), Some("its announcement broke"));
        part.stop(Duration::from_secs(5)).await;
    }
}
