//! Clusters as stacks of a scripted cloud, and the nodes in them: whoever carries out the work dies again and again.
//!
//! Unlike an engine, a cloud takes its time: what an owner began goes on when it is dead, and its successor has to find it, to wait for it, and to
//! go on from there. The cloud is asked what came of it: one stack for each cluster, ever; exactly the nodes that were named are gone; never more
//! nodes out of service at a time than was allowed; a node that failed replaced once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Options, Stage, churn::Sampler, outside};
use crate::{
    Error,
    backend::{Backend, Journal, Script, heat},
    check::coverage::Coverage,
    clock::millis,
    nemesis::Fault,
    report::{Summary, Table},
    rest::{Answer, Hopper, Request, baymodel},
    workload::Load,
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Clusters.
    pub clusters: usize,
    /// Times that the owner of most is killed in each phase.
    pub kills: u64,
}

/// Workers of each cluster in the beginning.
const WORKERS: usize = 5;
/// Workers that are removed by name.
const NAMED: usize = 3;
/// How many may be out of service at a time.
const BATCH: usize = 1;
/// How long a client goes on with one request.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one phase may take.
const REST: Duration = Duration::from_secs(240);

/// A cluster, and its workers before a phase, by the ids of their servers.
type Before = BTreeMap<String, BTreeSet<String>>;

struct Run<'a> {
    stage: &'a mut Stage,
    backend: &'a Backend,
    hopper: Hopper,
    clusters: Vec<String>,
    plan: Plan,
    kills: u64,
    table: Table,
}

/// Runs it.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let script = Script {
        change: (Duration::from_millis(5), Duration::from_millis(100)),
        lost: 5,
        stack: (Duration::from_millis(1500), Duration::from_millis(4000)),
        ..Script::default()
    };
    let tuning = [("api.default_quota", "1000000"), ("conductor.look_min", "1s"), ("conductor.look_max", "4s")];
    let (mut stage, backend) = Stage::with_cloud(options, "stacks", 3, &tuning, (script, Journal::default())).await?;
    let title =
        format!("{} clusters of {WORKERS} workers; the owner of most is killed -9 {} times in each phase", plan.clusters, plan.kills);
    let table = Table::new(&title, &["phase", "complete", "as it should be", "most out of service", "took, ms"]);
    let hopper = stage.hopper.with_patience(PATIENCE);
    let (mut watch, seen) = (Load::default(), Sampler::default());
    watch.add(seen.clone().run(hopper.roster().clone(), watch.stop_signal()));
    let mut run = Run { stage: &mut stage, backend: &backend, hopper, clusters: Vec::new(), plan, kills: 0, table };
    let mut summary = Summary::default();
    run.create(&mut summary).await?;
    run.resize(&mut summary).await?;
    run.upgrade(&mut summary).await?;
    run.heal(&mut summary).await?;
    run.delete(&mut summary).await?;
    watch.stop().await;
    let (kills, statuses) = (run.kills, seen.statuses());
    summary.table(run.table);
    summary.findings(statuses.findings(), &[]);
    summary.coverage(
        "stacks",
        Coverage::default().with("kills of owners", kills, 4 * plan.kills).with("lists of statuses", statuses.seen(), 5 * kills).with(
            "updates seen in progress",
            statuses.updates(),
            2 * plan.clusters as u64,
        ),
    );
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

impl Run<'_> {
    async fn create(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let model = self.template("stacks", "first").await?;
        let requests: Vec<Request> = (0..self.plan.clusters)
            .map(|number| {
                let labels = json!({"auto_healing_enabled": "true", "auto_healing_after": "5"});
                let body =
                    json!({"name": format!("stack-{number}"), "cluster_template_id": model, "node_count": WORKERS, "labels": labels});
                Request::change(Method::POST, "/v1/clusters", Some(body), self.stage.chance.key())
            })
            .collect();
        let (began, accepted) = self.ask(&requests, summary).await;
        self.clusters = accepted;
        let complete = self.kill_until("CREATE_COMPLETE").await?;
        let right = self.right(summary, "made once", |cluster, _| {
            self.backend.look(|world, _| world.heat.ever(cluster) == 1 && workers(&world.heat, cluster).len() == WORKERS)
        });
        self.row("create", (complete, right), began, summary);
        Ok(())
    }

    /// Removes some workers by their servers, not the youngest and not the oldest.
    async fn resize(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let before = self.before();
        let named: Before =
            before.iter().map(|(cluster, all)| (cluster.clone(), all.iter().skip(1).take(NAMED).cloned().collect())).collect();
        let requests = self.for_each_cluster(
            "resize",
            |cluster| json!({"node_count": WORKERS - NAMED, "nodes_to_remove": named.get(cluster), "max_batch_size": BATCH}),
        );
        let (began, _) = self.ask(&requests, summary).await;
        let complete = self.kill_until("UPDATE_COMPLETE").await?;
        let right = self.right(summary, "exactly the named nodes are gone", |cluster, now| {
            let (before, named) = (before.get(cluster), named.get(cluster));
            before.zip(named).is_some_and(|(before, named)| *now == before.difference(named).cloned().collect())
        });
        self.row("resize with named nodes", (complete, right), began, summary);
        Ok(())
    }

    async fn upgrade(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let before = self.before();
        let next = self.template("next", "second").await?;
        let requests = self.for_each_cluster("upgrade", |_| json!({"cluster_template": next, "max_batch_size": BATCH}));
        let (began, _) = self.ask(&requests, summary).await;
        let complete = self.kill_until("UPDATE_COMPLETE").await?;
        let right = self.right(summary, "the same nodes, and all machines, masters too, with the new image", |cluster, now| {
            let images = self.backend.look(|world, _| images(&world.heat, cluster));
            before.get(cluster) == Some(now) && images == BTreeSet::from(["second".to_owned()])
        });
        self.row("upgrade", (complete, right), began, summary);
        Ok(())
    }

    /// One worker of each cluster fails.
    async fn heal(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let before = self.before();
        let failing: BTreeMap<String, String> =
            before.iter().filter_map(|(cluster, all)| Some((cluster.clone(), all.last()?.clone()))).collect();
        let made = self.made();
        self.backend.meddle(|world| failing.values().for_each(|server| world.heat.fail(server)));
        let began = Instant::now();
        self.kills_during(async |run| {
            let now = run.before();
            failing.iter().all(|(cluster, server)| now.get(cluster).is_some_and(|all| !all.contains(server)))
        })
        .await?;
        let complete = self.kill_until("UPDATE_COMPLETE").await?;
        // Time enough for somebody to replace what has been replaced.
        sleep(Duration::from_secs(15)).await;
        let right = self.right(summary, "the node that failed is replaced, once", |cluster, now| {
            let (Some(before), Some(failed)) = (before.get(cluster), failing.get(cluster)) else { return false };
            let kept: BTreeSet<String> = before.iter().filter(|server| *server != failed).cloned().collect();
            now.len() == before.len() && kept.is_subset(now) && !now.contains(failed)
        });
        for (cluster, now) in self.made() {
            let more = now.saturating_sub(made.get(&cluster).copied().unwrap_or(0));
            if more != 1 {
                summary.finding(format!("{more} machines of {cluster} were made in the place of one that failed"));
            }
        }
        self.row("healing", (complete, right), began, summary);
        Ok(())
    }

    async fn delete(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let requests: Vec<Request> = self
            .clusters
            .iter()
            .map(|cluster| Request::change(Method::DELETE, format!("/v1/clusters/{cluster}"), None, self.stage.chance.key()))
            .collect();
        let (began, _) = self.ask(&requests, summary).await;
        self.kills_during(async |run| run.backend.look(|world, _| world.heat.stacks().is_empty())).await?;
        let left = self.backend.look(|world, _| world.heat.stacks().len());
        if left > 0 {
            summary.finding(format!("{left} clusters have left a stack"));
        }
        self.row("delete", (self.clusters.len(), self.clusters.len() - left), began, summary);
        Ok(())
    }

    /// Makes a template of the driver; its uuid.
    async fn template(&mut self, name: &str, image: &str) -> Result<String, Error> {
        let body = json!({"name": name, "image_id": image, "keypair_id": "chaos", "coe": "swarm", "driver": "heat", "external_network_id": "public"});
        let request = Request::change(Method::POST, "/v1/clustertemplates", Some(body), self.stage.chance.key());
        match self.hopper.send(&request).await {
            Answer::Done(reply) => Ok(baymodel::uuid(&reply).unwrap_or_default().to_owned()),
            other => Err(Error::Setup(format!("no template was made: {other:?}"))),
        }
    }

    fn for_each_cluster(&mut self, action: &str, body: impl Fn(&str) -> Value) -> Vec<Request> {
        let request = |cluster: &String| {
            let path = format!("/v1/clusters/{cluster}/actions/{action}");
            Request::change(Method::POST, path, Some(body(cluster)), self.stage.chance.key()).newest()
        };
        self.clusters.iter().map(request).collect()
    }

    /// Sends them all; the uuids in the answers.
    async fn ask(&mut self, requests: &[Request], summary: &mut Summary) -> (Instant, Vec<String>) {
        let began = Instant::now();
        let answers = futures::future::join_all(requests.iter().map(|request| self.hopper.send(request))).await;
        let mut uuids = Vec::new();
        for answer in answers {
            match answer {
                Answer::Done(reply) => uuids.extend(baymodel::uuid(&reply).map(str::to_owned)),
                other => summary.finding(format!("a sound request was not accepted: {other:?}")),
            }
        }
        (began, uuids)
    }

    /// Workers of all clusters now.
    fn before(&self) -> Before {
        self.backend.look(|world, _| self.clusters.iter().map(|cluster| (cluster.clone(), workers(&world.heat, cluster))).collect())
    }

    /// Machines that were ever made for each cluster.
    fn made(&self) -> BTreeMap<String, u64> {
        let made =
            |heat: &heat::Heat, cluster: &str| heat.stacks().get(cluster).into_iter().flatten().map(|stack| stack.made()).sum::<u64>();
        self.backend.look(|world, _| self.clusters.iter().map(|cluster| (cluster.clone(), made(&world.heat, cluster))).collect())
    }

    /// How many clusters are as they should be.
    fn right(&self, summary: &mut Summary, words: &str, right: impl Fn(&str, &BTreeSet<String>) -> bool) -> usize {
        let now = self.before();
        let wrong: Vec<_> = now.iter().filter(|(cluster, all)| !right(cluster, all)).collect();
        for (cluster, all) in &wrong {
            summary.finding(format!("does not hold of {cluster}: {words}; it has {all:?}"));
        }
        now.len() - wrong.len()
    }

    /// Kills until all clusters have this status, or the time is over; how many have.
    async fn kill_until(&mut self, status: &str) -> Result<usize, Error> {
        self.kills_during(async |run| run.complete(status).await == run.clusters.len()).await?;
        Ok(self.complete(status).await)
    }

    /// Kills until something holds, or the time is over.
    async fn kills_during(&mut self, done: impl AsyncFn(&Self) -> bool) -> Result<(), Error> {
        let started = Instant::now();
        let mut killed = 0;
        while !done(self).await && started.elapsed() < REST {
            if killed < self.plan.kills {
                self.kill().await?;
                killed += 1;
            }
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Kills the owner of most clusters, and starts it again before or after somebody else has taken over.
    async fn kill(&mut self) -> Result<(), Error> {
        sleep(Duration::from_millis(self.stage.chance.between(200, 2500))).await;
        let most = self.stage.cluster.owner_of_most(|cluster| self.clusters.iter().any(|one| one == cluster)).await;
        let Some(name) = most else { return Ok(()) };
        Fault::Kill.install(&mut self.stage.cluster, &name, &self.stage.recorder)?;
        let (from, to) = if self.stage.chance.percent(50) { (0, 1500) } else { (7000, 8000) };
        sleep(Duration::from_millis(self.stage.chance.between(from, to))).await;
        Fault::Kill.heal(&mut self.stage.cluster, &name, &self.stage.recorder).await?;
        self.kills += 1;
        Ok(())
    }

    async fn complete(&self, status: &str) -> usize {
        let list = outside::list(self.hopper.roster()).await.unwrap_or_default();
        list.all.iter().filter(|bay| self.clusters.contains(&bay.uuid) && bay.status == status).count()
    }

    fn row(&mut self, phase: &str, (complete, right): (usize, usize), began: Instant, summary: &mut Summary) {
        let most = self.backend.look(|world, _| world.heat.stacks().values().flatten().map(|stack| stack.most_out).max().unwrap_or(0));
        if complete != self.clusters.len() {
            summary.finding(format!("{phase}: {complete} of {} clusters are complete", self.clusters.len()));
        }
        if most > BATCH {
            summary.finding(format!("{phase}: {most} nodes of a cluster were out of service at a time, {BATCH} may be"));
        }
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let cells = [phase.to_owned(), complete.to_string(), right.to_string(), most.to_string(), format!("{:.0}", millis(took))];
        self.table.row(&cells);
    }
}

/// Ids of a cluster's workers.
fn workers(heat: &heat::Heat, cluster: &str) -> BTreeSet<String> {
    heat.stacks().get(cluster).into_iter().flatten().flat_map(|stack| stack.minions()).map(|server| server.id.clone()).collect()
}

/// Images of all of a cluster's machines.
fn images(heat: &heat::Heat, cluster: &str) -> BTreeSet<String> {
    heat.stacks()
        .get(cluster)
        .into_iter()
        .flatten()
        .flat_map(|stack| stack.masters().chain(stack.minions()))
        .map(|server| server.image.clone())
        .collect()
}
