//! A cluster of real `jeroboam` processes on this machine.
//!
//! This is the one file that knows how the product is configured, started, joined and administered; everything
//! else in the crate deals with members by name. Each member has a folder:
//!
//! ```text
//! <run>/tokens.toml   <run>/pki/member-1/   <run>/n1/{config.toml, token, data/}   <run>/n1.log
//! ```
//!
//! The data folders may lie on a disk of their own instead, which may then lose power.
//!
//! Members talk to each other under mutual TLS, as in production: the first has number 1, `jeroboam member add` says the
//! numbers of the others.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    Error,
    process::{Program, free_port, run},
    rest::{
        Endpoint, Roster,
        admin::{self, Ownership, Status},
    },
};

/// The static token of the harness: an administrator of its own project.
/// The administrator's token.
pub(crate) const TOKEN: &str = "chaos-admin-token";
/// How long a command of the CLI may take.
const COMMAND: Duration = Duration::from_secs(30);
/// How long a member may take to serve, and to vote.
const START: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The product's binary.
    pub binary: PathBuf,
    /// Where everything of this run is kept.
    pub folder: PathBuf,
    /// Voters at the beginning.
    pub size: usize,
    /// Keys of the product's configuration that differ from its defaults, `raft.keep_entries` → `1000`.
    pub tuning: BTreeMap<String, String>,
    /// Where the data folders lie, if not with everything else.
    pub data: Option<PathBuf>,
}

/// One member: its process and how to talk to it.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub program: Program,
    /// Its REST address.
    pub endpoint: Endpoint,
    /// The number the product knows it by; never used again.
    pub number: u64,
    folder: PathBuf,
    data: PathBuf,
    peer: String,
    api: String,
}

/// A way in for one new member.
struct Ticket {
    number: u64,
    token: Option<String>,
}

/// Whether a new member shall vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// As soon as it has caught up.
    AsVoter,
    /// Not until it is promoted.
    AsLearner,
}

/// The members of one run, in the order in which they were made.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    members: Vec<Member>,
    roster: Roster,
    complaints: Vec<String>,
}

impl Cluster {
    /// Makes the folders and certificates, starts the first member, joins the others and waits until all serve.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let mut cluster = Self { settings, members: Vec::new(), roster: Roster::default(), complaints: Vec::new() };
        cluster.prepare().await?;
        for _ in 0..cluster.settings.size {
            cluster.add(Joins::AsVoter).await?;
        }
        Ok(cluster)
    }

    async fn prepare(&self) -> Result<(), Error> {
        let folder = &self.settings.folder;
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
        let tokens = self.tokens();
        let token = format!("[[token]]\ntoken = {TOKEN:?}\nproject_id = \"chaos\"\nuser_id = \"chaos\"\nroles = [\"admin\"]\n");
        fs::write(&tokens, token).map_err(Error::file("write", &tokens))?;
        self.command(&["pki", "init", "--dir", &text(&self.pki())]).await.map(drop)
    }

    /// The clients' view of the members; follows every change of this cluster.
    #[must_use]
    pub fn roster(&self) -> Roster {
        self.roster.clone()
    }

    /// Names of all members, running or not.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.members.iter().map(|one| one.endpoint.name.to_string()).collect()
    }

    /// A member by name.
    pub fn member(&mut self, name: &str) -> Result<&mut Member, Error> {
        (self.members.iter_mut()).find(|one| &*one.endpoint.name == name).ok_or_else(|| Error::Setup(format!("there is no member {name}")))
    }

    /// All members.
    pub fn members(&mut self) -> &mut [Member] {
        &mut self.members
    }

    /// Makes a member, starts it and waits until it serves (and votes, when it shall). Returns its name.
    pub async fn add(&mut self, joins: Joins) -> Result<String, Error> {
        let ticket = if self.members.is_empty() { Ticket { number: 1, token: None } } else { self.invite().await? };
        let first = ticket.token.is_none();
        let name = format!("n{}", ticket.number);
        self.certify(ticket.number).await?;
        let mut member = self.make(&name, &ticket)?;
        self.configure(&member, ticket.token.as_deref(), joins)?;
        member.program.start()?;
        self.members.push(member);
        self.publish();
        self.serving(&name, START).await?;
        if !first && joins == Joins::AsVoter {
            self.voting(&name, START).await?;
        }
        Ok(name)
    }

    fn make(&self, name: &str, ticket: &Ticket) -> Result<Member, Error> {
        let folder = self.settings.folder.join(name);
        fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        let arguments = ["--config", &text(&folder.join("config.toml")), "server"].map(str::to_owned).to_vec();
        let log = self.settings.folder.join(format!("{name}.log"));
        let mut program = Program::new(name, &self.settings.binary, arguments, log);
        // A panic's place is enough; finding all names of a backtrace in a large binary takes a member seconds.
        program = program.with_environment("RUST_BACKTRACE", "0");
        for (key, value) in &self.settings.tuning {
            let key = format!("JEROBOAM__{}", key.to_uppercase().replace('.', "__"));
            program = program.with_environment(&key, value);
        }
        let api = format!("127.0.0.1:{}", free_port()?);
        let endpoint = Endpoint::new(name, &format!("http://{api}"), TOKEN)?;
        let peer = format!("127.0.0.1:{}", free_port()?);
        let data = self.settings.data.as_ref().map_or_else(|| folder.join("data"), |disk| disk.join(name));
        Ok(Member { program, endpoint, number: ticket.number, folder, data, peer, api })
    }

    /// The number and the token for one new member, as the CLI tells a person.
    async fn invite(&mut self) -> Result<Ticket, Error> {
        let out = self.admin(&["member", "add"]).await?;
        let number = out.split("number ").nth(1).and_then(|rest| rest.split(|one: char| !one.is_ascii_digit()).next());
        let number = number.and_then(|number| number.parse().ok());
        let token = out.split_once("--token ").and_then(|(_, rest)| rest.split_whitespace().next());
        match (number, token) {
            (Some(number), Some(token)) => Ok(Ticket { number, token: Some(token.to_owned()) }),
            _ => Err(Error::Program { program: "jeroboam member add".to_owned(), reason: format!("no number or token in: {out}") }),
        }
    }

    async fn certify(&self, number: u64) -> Result<(), Error> {
        self.command(&["pki", "member", &number.to_string(), "--dir", &text(&self.pki())]).await.map(drop)
    }

    fn configure(&self, member: &Member, token: Option<&str>, joins: Joins) -> Result<(), Error> {
        let path = member.folder.join("config.toml");
        let mut config = format!(
            "[member]\nname = {:?}\ndata_dir = {:?}\n\n[api]\nlisten = {:?}\ntokens = {:?}\n\n\
             [peer]\nlisten = {:?}\ntls_dir = {:?}\n\n[log]\nformat = \"human\"\n\n[cluster]\n",
            member.endpoint.name,
            member.data,
            member.api,
            self.tokens(),
            member.peer,
            self.pki().join(format!("member-{}", member.number)),
        );
        match token {
            None => config.push_str("bootstrap = true\n"),
            Some(token) => {
                let file = member.folder.join("token");
                fs::write(&file, token).map_err(Error::file("write", &file))?;
                let peers: Vec<_> = self.members.iter().map(|one| &one.peer).collect();
                let promote = joins == Joins::AsVoter;
                config.push_str(&format!("join = {peers:?}\ntoken_file = {file:?}\npromote = {promote}\n"));
            }
        }
        fs::write(&path, config).map_err(Error::file("write", &path))
    }

    fn publish(&self) {
        self.roster.set(self.members.iter().map(|one| one.endpoint.clone()).collect());
    }

    fn tokens(&self) -> PathBuf {
        self.settings.folder.join("tokens.toml")
    }

    fn pki(&self) -> PathBuf {
        self.settings.folder.join("pki")
    }

    async fn command(&self, arguments: &[&str]) -> Result<String, Error> {
        run(&self.settings.binary, arguments, COMMAND).await
    }

    /// A command of the CLI that talks to a running member through its data folder: the first that does it.
    async fn admin(&mut self, arguments: &[&str]) -> Result<String, Error> {
        let mut last = Error::Setup("no member runs".to_owned());
        let running = self.members.iter_mut().filter_map(Member::running);
        let configurations: Vec<String> = running.map(|one| text(&one.folder.join("config.toml"))).collect();
        for configuration in configurations {
            let all: Vec<&str> = ["--config", &configuration].into_iter().chain(arguments.iter().copied()).collect();
            match self.command(&all).await {
                Ok(out) => return Ok(out),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What each member that answers says about itself; asked all at once.
    pub async fn statuses(&self) -> Vec<Status> {
        let asked = self.members.iter().map(|one| admin::status(&one.endpoint));
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// The name of the leader of the highest term, waited for.
    pub async fn leader(&self, limit: Duration) -> Result<String, Error> {
        self.until("a leader", limit, async |cluster| {
            let statuses = cluster.statuses().await;
            let leading = statuses.into_iter().filter(|one| one.role == "leader");
            leading.max_by_key(|one| one.term).map(|one| one.name)
        })
        .await
    }

    /// Tells all members that answer to take a snapshot and shorten their logs; how many did.
    pub async fn compact(&self) -> usize {
        let told = self.members.iter().map(|one| admin::compact(&one.endpoint));
        futures::future::join_all(told).await.into_iter().flatten().count()
    }

    /// Who owns what, as the first member that answers says.
    pub async fn ownership(&self) -> Vec<Ownership> {
        for member in &self.members {
            if let Ok(owned) = admin::ownership(&member.endpoint).await {
                return owned;
            }
        }
        Vec::new()
    }

    /// The name of the member that owns most of those clusters that count; none while nobody owns any.
    pub async fn owner_of_most(&self, counts: impl Fn(&str) -> bool) -> Option<String> {
        let mut owned: BTreeMap<u64, usize> = BTreeMap::new();
        for row in self.ownership().await.into_iter().filter(|row| counts(&row.cluster)) {
            *owned.entry(row.member).or_default() += 1;
        }
        owned.into_iter().max_by_key(|(_, count)| *count).and_then(|(member, _)| self.name_of(member))
    }

    /// The name of the member with this number.
    #[must_use]
    pub fn name_of(&self, number: u64) -> Option<String> {
        self.members.iter().find(|one| one.number == number).map(|one| one.endpoint.name.to_string())
    }

    /// Waits until a member answers and knows a leader; an error at once when its process ends instead.
    pub async fn serving(&mut self, name: &str, limit: Duration) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let member = self.member(name)?;
            if let Some(status) = member.program.ended_by_itself() {
                let (member, status, last) = (name.to_owned(), status.to_string(), member.program.last_line());
                return Err(Error::Ended { member, status, last });
            }
            if admin::status(&member.endpoint).await.is_ok_and(|status| status.leader.is_some()) {
                return Ok(());
            }
            if started.elapsed() >= limit {
                return Err(Error::late(format!("{name} serving"), limit));
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until a member is a voter.
    pub async fn voting(&self, name: &str, limit: Duration) -> Result<(), Error> {
        self.until(&format!("{name} voting"), limit, async |cluster| {
            let statuses = cluster.statuses().await;
            let number = statuses.iter().find(|one| one.name == name)?.member;
            statuses.iter().any(|one| one.role == "leader" && one.voters.contains(&number)).then_some(())
        })
        .await
    }

    /// Waits until every member answers and has applied what the furthest had applied at the first look.
    pub async fn settled(&self, limit: Duration) -> Result<(), Error> {
        let mut target = 0;
        let started = Instant::now();
        while started.elapsed() < limit {
            let statuses = self.statuses().await;
            target = target.max(statuses.iter().map(|one| one.applied).max().unwrap_or(0));
            let there = |one: &Status| one.applied >= target && one.leader.is_some();
            if statuses.len() == self.members.len() && statuses.iter().all(there) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(Error::late("all members catching up", limit))
    }

    async fn until<T>(&self, what: &str, limit: Duration, look: impl AsyncFn(&Self) -> Option<T>) -> Result<T, Error> {
        let started = Instant::now();
        loop {
            if let Some(found) = look(self).await {
                return Ok(found);
            }
            if started.elapsed() >= limit {
                return Err(Error::late(what, limit));
            }
            sleep(LOOK).await;
        }
    }

    /// Starts a member that was killed or has stopped, on its old folder.
    pub async fn restart(&mut self, name: &str) -> Result<(), Error> {
        self.member(name)?.program.start()?;
        self.serving(name, START).await
    }

    /// Makes a voter of a learner.
    pub async fn promote(&mut self, name: &str) -> Result<(), Error> {
        self.on("promote", name).await?;
        self.voting(name, START).await
    }

    /// Takes a member out of the cluster, ends its process and forgets it.
    pub async fn remove(&mut self, name: &str) -> Result<(), Error> {
        self.on("remove", name).await?;
        let member = self.member(name)?;
        if member.program.is_running() {
            // A removed member may have ended by itself in the meantime.
            member.program.kill().await?;
        }
        self.members.retain(|one| &*one.endpoint.name != name);
        self.publish();
        Ok(())
    }

    /// A command of the CLI that talks to this one member.
    pub async fn tell(&self, name: &str, arguments: &[&str]) -> Result<String, Error> {
        let member = self.members.iter().find(|one| &*one.endpoint.name == name);
        let member = member.ok_or_else(|| Error::Setup(format!("there is no member {name}")))?;
        let configuration = text(&member.folder.join("config.toml"));
        let all: Vec<&str> = ["--config", &configuration].into_iter().chain(arguments.iter().copied()).collect();
        self.command(&all).await
    }

    /// Hands the leadership to another member.
    pub async fn transfer(&mut self) -> Result<(), Error> {
        self.admin(&["member", "transfer-leader"]).await.map(drop)
    }

    async fn on(&mut self, verb: &str, name: &str) -> Result<(), Error> {
        let number = self.member(name)?.number.to_string();
        self.admin(&["member", verb, &number]).await.map(drop)
    }

    /// Asks the others to take a member's bays over, or ends that.
    pub async fn drain(&mut self, name: &str, draining: bool) -> Result<(), Error> {
        self.on(if draining { "drain" } else { "undrain" }, name).await
    }

    /// Asks for the bays to be spread as evenly as single moves can.
    pub async fn rebalance(&mut self) -> Result<(), Error> {
        self.admin(&["ownership", "rebalance"]).await.map(drop)
    }

    /// Kills a member and loses its disk; it comes back as a new member, by snapshot. Returns the new name.
    pub async fn wipe(&mut self, name: &str) -> Result<String, Error> {
        self.member(name)?.program.kill().await?;
        let folder = self.member(name)?.data.clone();
        fs::remove_dir_all(&folder).map_err(Error::file("wipe", &folder))?;
        self.remove(name).await?;
        self.add(Joins::AsVoter).await
    }

    /// Something a member did that it must not do, found outside of any history.
    pub fn complain(&mut self, words: String) {
        self.complaints.push(words);
    }

    /// Processor time of all members that run, each since its start.
    pub fn cpu(&self) -> Result<Duration, Error> {
        self.members.iter().map(|member| member.program.cpu()).sum()
    }

    /// Everything of that kind: complaints so far, processes that ended although nobody ended them, panics in the logs of
    /// all members there ever were.
    pub fn complaints(&mut self) -> Vec<String> {
        let mut all = self.complaints.clone();
        all.extend(self.members.iter_mut().filter_map(|one| {
            let status = one.program.ended_by_itself()?;
            Some(format!("{} ended by itself: {status}", one.program.name()))
        }));
        let entries = fs::read_dir(&self.settings.folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "log")) {
            let log = fs::read(&path).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            all.extend(log.lines().filter(|line| line.contains("panicked at")).map(|line| format!("{}: {line}", path.display())));
        }
        all
    }

    /// Ends all members gracefully, each within its limit.
    pub async fn stop(mut self) -> Result<(), Error> {
        for member in self.members.iter_mut().filter_map(Member::running) {
            member.program.ask_to_stop()?;
        }
        for member in self.members.iter_mut().filter_map(Member::running) {
            member.program.wait(Duration::from_secs(30)).await?;
        }
        Ok(())
    }
}

impl Member {
    /// Where its REST API listens, `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.api
    }

    fn running(&mut self) -> Option<&mut Self> {
        self.program.is_running().then_some(self)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
