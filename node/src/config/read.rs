//! From layers to [`Config`]: what each value must be. One function per section, one line per key.

mod heat;
mod keystone;

use std::{path::PathBuf, time::Duration};

use super::{
    Api, Audit, AuditFile, AuditWebhook, Cluster, Conductor, Config, Error, Events, Format, Layers, Log, Member, Peer, Runtime, Stop,
    value, value::Value,
};

/// The longest duration that is taken; longer ones are mistakes, and some would not fit into a clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn config(layers: &Layers) -> Result<Config, Error> {
    let read = Read(layers);
    Ok(Config {
        member: read.member()?,
        api: read.api()?,
        keystone: read.keystone()?,
        peer: read.peer()?,
        cluster: read.cluster()?,
        raft: read.raft()?,
        conductor: read.conductor()?,
        events: read.events()?,
        audit: read.audit()?,
        docker: read.optional("drivers.docker.endpoint", Read::docker_endpoint)?,
        heat: read.optional("drivers.heat.auth_url", Read::heat)?,
        runtime: read.runtime()?,
        stop: read.stop()?,
        log: read.log()?,
    })
}

pub(super) fn data_dir(layers: &Layers) -> Result<PathBuf, Error> {
    Read(layers).data_dir()
}

pub(super) fn policy(layers: &Layers) -> Result<Option<PathBuf>, Error> {
    Read(layers).path("api.policy")
}

pub(super) fn peer_address(layers: &Layers) -> Result<String, Error> {
    let read = Read(layers);
    Ok(read.optional("peer.advertise", Read::address)?.unwrap_or(read.address("peer.listen")?))
}

struct Read<'a>(&'a Layers);

impl Read<'_> {
    fn member(&self) -> Result<Member, Error> {
        let named = self.text("member.name")?.trim();
        Ok(Member {
            name: if named.is_empty() { host_name() } else { named.to_owned() },
            zone: self.text("member.zone")?.to_owned(),
            data_dir: self.data_dir()?,
            weight: self.number("member.weight", 1, 10_000)?,
        })
    }

    fn data_dir(&self) -> Result<PathBuf, Error> {
        match self.text("member.data_dir")? {
            "" => Err(self.wrong("member.data_dir", "must name a folder")),
            folder => Ok(PathBuf::from(folder)),
        }
    }

    fn api(&self) -> Result<Api, Error> {
        let listen = self.address("api.listen")?;
        Ok(Api {
            advertise: self.optional("api.advertise", Self::address)?.unwrap_or_else(|| listen.clone()),
            listen,
            tokens: self.path("api.tokens")?,
            policy: self.path("api.policy")?,
            connections: self.number("api.connections", 1, 1_000_000)?,
            header_timeout: self.duration("api.header_timeout")?,
            body_timeout: self.duration("api.body_timeout")?,
            body_bytes: self.number("api.body_bytes", 1024, 64 << 20)?,
            request_timeout: self.duration("api.request_timeout")?,
            container_timeout: self.duration("api.container_timeout")?,
            default_quota: self.number("api.default_quota", 0, 1_000_000)?,
            watches: self.number("api.watches", 1, 100_000)?,
            trust_forwarded: self.flag("api.trust_forwarded")?,
        })
    }

    fn peer(&self) -> Result<Peer, Error> {
        let listen = self.address("peer.listen")?;
        let tls_dir = self.path("peer.tls_dir")?;
        match (&tls_dir, self.flag("peer.insecure")?) {
            (Some(_), true) => return Err(self.wrong("peer.insecure", "and peer.tls_dir exclude each other")),
            (None, false) => {
                let hint = "must name the folder that `jeroboam pki member` made (or say peer.insecure = true)";
                return Err(self.wrong("peer.tls_dir", hint));
            }
            _ => {}
        }
        Ok(Peer { advertise: self.optional("peer.advertise", Self::address)?.unwrap_or_else(|| listen.clone()), listen, tls_dir })
    }

    fn cluster(&self) -> Result<Cluster, Error> {
        let join = match self.0.get("cluster.join")? {
            (Value::List(list), _) => list.clone(),
            _ => return Err(self.wrong("cluster.join", "must be a list of addresses")),
        };
        if let Some(odd) = join.iter().find(|address| !is_address(address)) {
            return Err(self.wrong("cluster.join", &format!("must hold addresses as host:port, not {odd:?}")));
        }
        let bootstrap = self.flag("cluster.bootstrap")?;
        if bootstrap && !join.is_empty() {
            return Err(self.wrong("cluster.join", "and cluster.bootstrap exclude each other"));
        }
        let from_file = self.optional("cluster.token_file", |read, key| {
            let path = read.text(key)?;
            std::fs::read_to_string(path).map_err(|error| read.wrong(key, &format!("{path}: {error}")))
        })?;
        let token = self.optional("cluster.token", |read, key| Ok(read.text(key)?.to_owned()))?.or(from_file);
        if bootstrap && token.is_some() {
            return Err(self.wrong("cluster.bootstrap", "and a token to join with exclude each other"));
        }
        Ok(Cluster { bootstrap, join, token: token.map(|token| token.trim().to_owned()), promote: self.flag("cluster.promote")? })
    }

    fn raft(&self) -> Result<raft::Settings, Error> {
        let heartbeat = self.duration("raft.heartbeat")?;
        let election_min = self.duration("raft.election_min")?;
        let election_max = self.duration("raft.election_max")?;
        if election_min < heartbeat * 3 {
            return Err(self.wrong("raft.election_min", "must be at least three times raft.heartbeat"));
        }
        if election_max <= election_min {
            return Err(self.wrong("raft.election_max", "must be longer than raft.election_min"));
        }
        let keep_entries: u64 = self.number("raft.keep_entries", 100, 1_000_000_000)?;
        let purge_step: u64 = self.number("raft.purge_step", 1, 1_000_000)?;
        Ok(raft::Settings {
            heartbeat,
            election_min,
            election_max,
            keep_entries,
            purge_step: purge_step.min(keep_entries),
            purge_interval: self.duration("raft.purge_interval")?,
            lag_threshold: self.number("raft.lag_threshold", 10, 1_000_000_000)?,
            snapshot_bytes_per_second: self.number("raft.snapshot_bytes_per_second", 65_536, i64::MAX)?,
            max_pending_writes: self.number("raft.max_pending_writes", 1, 8_192)?,
            leader_wait: self.duration("raft.leader_wait")?,
            transfer_timeout: self.duration("stop.transfer")?,
            ..raft::Settings::default()
        })
    }

    fn conductor(&self) -> Result<Conductor, Error> {
        let lease = self.duration("conductor.lease")?;
        if lease < Duration::from_millis(500) {
            return Err(self.wrong("conductor.lease", "must be at least 500ms: it is renewed several times within it"));
        }
        let looks = (self.duration("conductor.look_min")?, self.duration("conductor.look_max")?);
        if looks.0 < Duration::from_secs(1) || looks.1 < looks.0 {
            return Err(self.wrong("conductor.look_min", "must be at least 1s and not longer than conductor.look_max"));
        }
        Ok(Conductor { lease, margin: self.duration("conductor.margin")?, looks, unseen: self.duration("conductor.unseen")? })
    }

    fn events(&self) -> Result<Events, Error> {
        let (least, most) = model::event::BOUNDS;
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let number = |key| self.number(key, bound(least), bound(most));
        Ok(Events { keep: number("events.keep")?, backlog: number("events.backlog")? })
    }

    fn audit(&self) -> Result<Audit, Error> {
        let bytes = self.number("audit.file_bytes", 64 << 10, i64::MAX)?;
        let keep = self.number("audit.file_keep", 1, 10_000)?;
        let file = self.optional("audit.file", |read, key| Ok(AuditFile { path: PathBuf::from(read.text(key)?), bytes, keep }))?;
        let webhook = self.optional("audit.webhook", Self::webhook)?;
        Ok(Audit { file, webhook })
    }

    fn webhook(&self, key: &str) -> Result<AuditWebhook, Error> {
        let url = self.url(key)?;
        let timeout = self.duration("audit.webhook_timeout")?;
        if timeout > Duration::from_secs(15) {
            return Err(self.wrong("audit.webhook_timeout", "must be at most 15s: nothing else is delivered to it meanwhile"));
        }
        let token = self.optional("audit.webhook_token_file", |read, key| {
            let path = read.text(key)?;
            let token = std::fs::read_to_string(path).map_err(|error| read.wrong(key, &format!("{path}: {error}")))?;
            Ok(token.trim().to_owned())
        })?;
        Ok(AuditWebhook { url, timeout, token })
    }

    fn runtime(&self) -> Result<Runtime, Error> {
        Ok(Runtime { workers: self.number("runtime.workers", 1, 256)?, raft_nice: self.number("runtime.raft_nice", -20, 19)? })
    }

    fn stop(&self) -> Result<Stop, Error> {
        Ok(Stop {
            announce: self.duration("stop.announce")?,
            requests: self.duration("stop.requests")?,
            conductor: self.duration("stop.conductor")?,
            transfer: self.duration("stop.transfer")?,
            raft: self.duration("stop.raft")?,
        })
    }

    fn log(&self) -> Result<Log, Error> {
        let format = match self.text("log.format")? {
            "human" => Format::Human,
            "json" => Format::Json,
            "auto" if std::io::IsTerminal::is_terminal(&std::io::stderr()) => Format::Human,
            "auto" => Format::Json,
            other => return Err(self.wrong("log.format", &format!("must be human, json or auto, not {other:?}"))),
        };
        let filter = self.text("log.filter")?.to_owned();
        tracing_subscriber::EnvFilter::try_new(&filter).map_err(|error| self.wrong("log.filter", &error.to_string()))?;
        Ok(Log { format, filter })
    }

    fn docker_endpoint(&self, key: &str) -> Result<String, Error> {
        let endpoint = self.text(key)?;
        let good = ["unix:///", "tcp://", "http://"].iter().any(|scheme| endpoint.starts_with(scheme));
        if good { Ok(endpoint.to_owned()) } else { Err(self.wrong(key, "must begin with unix:/// or tcp://")) }
    }

    /// What the file holds that a text names.
    fn file(&self, key: &str) -> Result<String, Error> {
        let path = self.text(key)?;
        std::fs::read_to_string(path).map_err(|error| self.wrong(key, &format!("{path}: {error}")))
    }

    /// `None` where the text is empty.
    fn optional<T>(&self, key: &str, read: impl FnOnce(&Self, &str) -> Result<T, Error>) -> Result<Option<T>, Error> {
        if self.text(key)?.trim().is_empty() { Ok(None) } else { read(self, key).map(Some) }
    }

    fn text(&self, key: &str) -> Result<&str, Error> {
        match self.0.get(key)? {
            (Value::Text(text), _) => Ok(text),
            _ => Err(self.wrong(key, "must be a text")),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, Error> {
        match self.0.get(key)? {
            (Value::Flag(flag), _) => Ok(*flag),
            _ => Err(self.wrong(key, "must be true or false")),
        }
    }

    fn number<N: TryFrom<i64>>(&self, key: &str, least: i64, most: i64) -> Result<N, Error> {
        let number = match self.0.get(key)? {
            (Value::Number(number), _) => *number,
            _ => return Err(self.wrong(key, "must be a number")),
        };
        let fits = (least..=most).contains(&number).then(|| N::try_from(number).ok()).flatten();
        fits.ok_or_else(|| self.wrong(key, &format!("must be from {least} to {most}, not {number}")))
    }

    fn duration(&self, key: &str) -> Result<Duration, Error> {
        let text = self.text(key)?;
        let wrong = || self.wrong(key, &format!("must be a duration such as \"150ms\" or \"5s\", not {text:?}"));
        let duration = value::duration(text).ok_or_else(wrong)?;
        if duration > LONGEST {
            return Err(self.wrong(key, "must be at most 365 days"));
        }
        // Only the limits of a stop may be nothing; a wait or an interval of nothing would spin.
        if duration.is_zero() && !key.starts_with("stop.") {
            return Err(self.wrong(key, "must be longer than nothing"));
        }
        Ok(duration)
    }

    fn path(&self, key: &str) -> Result<Option<PathBuf>, Error> {
        self.optional(key, |read, key| Ok(PathBuf::from(read.text(key)?)))
    }

    fn url(&self, key: &str) -> Result<String, Error> {
        let url = self.text(key)?.trim();
        let good = ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
        if good { Ok(url.to_owned()) } else { Err(self.wrong(key, "must begin with http:// or https://")) }
    }

    fn address(&self, key: &str) -> Result<String, Error> {
        let text = self.text(key)?;
        if is_address(text) { Ok(text.to_owned()) } else { Err(self.wrong(key, &format!("must be host:port, not {text:?}"))) }
    }

    fn wrong(&self, key: &str, reason: &str) -> Error {
        let origin = self.0.get(key).map_or_else(|_| String::new(), |(_, origin)| format!("{origin}: "));
        Error(format!("{origin}{key} {reason}"))
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn load(flags: &[(&str, &str)]) -> Result<Config, String> {
        let flags = flags.iter().map(|(key, value)| ((*key).into(), (*value).into(), "--set".into())).collect();
        Config::load(&Sources { flags, ..Sources::default() }).map_err(|error| error.0)
    }

    #[test]
    fn the_defaults_need_only_a_word_about_tls() {
        assert!(load(&[]).unwrap_err().starts_with("default: peer.tls_dir must name the folder"));
        let config = load(&[("peer.insecure", "true")]).unwrap();
        assert_eq!(config.api.advertise, "127.0.0.1:9511");
        assert_eq!(config.peer.tls_dir, None);
        assert!(!config.member.name.is_empty());
    }

    #[test]
    fn the_defaults_of_consensus_are_those_of_the_crate() {
        let ours = load(&[("peer.insecure", "true")]).unwrap().raft;
        assert_eq!(format!("{ours:?}"), format!("{:?}", raft::Settings::default()));
    }

    #[test]
    fn the_default_retention_is_that_of_the_state() {
        let ours = load(&[("peer.insecure", "true")]).unwrap();
        assert_eq!((ours.events.keep, ours.events.backlog), (model::event::RETENTION, model::event::BACKLOG));
        assert!(ours.audit.file.is_none() && ours.audit.webhook.is_none());
    }

    #[test]
    fn complaints_name_key_origin_and_cure() {
        let complaint = |key: &str, value: &str| load(&[("peer.insecure", "true"), (key, value)]).unwrap_err();
        assert_eq!(
            complaint("raft.heartbeat", "soon"),
            "--set: raft.heartbeat must be a duration such as \"150ms\" or \"5s\", not \"soon\""
        );
        assert_eq!(complaint("raft.heartbeat", "100ms"), "default: raft.election_min must be at least three times raft.heartbeat");
        assert_eq!(complaint("api.listen", "9511"), "--set: api.listen must be host:port, not \"9511\"");
        assert_eq!(complaint("runtime.workers", "0"), "--set: runtime.workers must be from 1 to 256, not 0");
        assert_eq!(complaint("log.format", "xml"), "--set: log.format must be human, json or auto, not \"xml\"");
        assert!(complaint("log.filter", "a=b=c").starts_with("--set: log.filter "));
        let wrong = "--set: conductor.look_min must be at least 1s and not longer than conductor.look_max";
        assert_eq!((complaint("conductor.look_min", "5m"), complaint("conductor.look_min", "10ms")), (wrong.to_owned(), wrong.to_owned()));
        assert_eq!(complaint("audit.webhook", "example.org"), "--set: audit.webhook must begin with http:// or https://");
        assert!(complaint("cluster.token_file", "/nonexistent").starts_with("--set: cluster.token_file /nonexistent: "));
        assert_eq!(complaint("keystone.auth_url", "keystone:5000"), "--set: keystone.auth_url must begin with http:// or https://");
        assert!(complaint("keystone.auth_url", "http://k:5000").starts_with("default: keystone.username must be given"));
        assert_eq!(complaint("cluster.join", "here"), "--set: cluster.join must hold addresses as host:port, not \"here\"");
    }

    #[test]
    fn keystone_is_known_by_password_or_by_application_credential() {
        let common = [("peer.insecure", "true"), ("keystone.auth_url", "http://k:5000/v3")];
        let password = [("keystone.username", "jeroboam"), ("keystone.password", "pw")];
        let keystone = load(&[common, password].concat()).unwrap().keystone.unwrap();
        assert_eq!(keystone.advertised, "http://k:5000/v3");
        assert!(matches!(keystone.credentials, openstack::Credentials::Password { .. }), "{keystone:?}");
        assert!(!format!("{keystone:?}").contains("pw"));
        let application = [("keystone.application_credential_id", "i"), ("keystone.application_credential_secret", "s")];
        let keystone = load(&[common, application].concat()).unwrap().keystone.unwrap();
        assert!(matches!(keystone.credentials, openstack::Credentials::Application { .. }), "{keystone:?}");
        let both = [common.as_slice(), &password, &[("api.tokens", "/tmp/tokens")]].concat();
        assert!(load(&both).unwrap_err().contains("exclude each other"));
        let without = load(&[common[0], common[1], ("keystone.username", "jeroboam")]).unwrap_err();
        assert!(without.contains("keystone.password_file must name a file"), "{without}");
    }

    #[test]
    fn a_cloud_is_told_whole_or_not_at_all() {
        let secret = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let mut told = vec![("peer.insecure", "true")];
        assert!(load(&told).unwrap().heat.is_none());
        told.push(("drivers.heat.auth_url", "https://cloud.example:5000/v3"));
        for (key, value) in [
            ("drivers.heat.password_file", secret),
            ("drivers.heat.user", "conductor"),
            ("drivers.heat.project", "service"),
            ("drivers.heat.api_cidr", "10.1.0.0/24"),
        ] {
            let missing = load(&told).unwrap_err();
            assert!(missing.starts_with(&format!("default: {key} must ")), "{missing}");
            told.push((key, value));
        }
        let heat = load(&told).unwrap().heat.unwrap();
        assert!(matches!(heat.credentials, openstack::Credentials::Password { .. }));
        assert!(!format!("{heat:?}").contains("package"), "secrets are not shown: {heat:?}");
        told.push(("drivers.heat.application_credential", "c1"));
        assert!(load(&told).unwrap_err().contains("application_credential_secret_file"));
        told.push(("drivers.heat.application_credential_secret_file", secret));
        let heat = load(&told).unwrap().heat.unwrap();
        assert!(matches!(heat.credentials, openstack::Credentials::Application { ref id, .. } if id == "c1"));
        told.push(("drivers.heat.auth_url", "cloud.example"));
        assert!(load(&told).unwrap_err().contains("with its version"));
    }

    #[test]
    fn bootstrap_and_join_exclude_each_other() {
        let both = [("peer.insecure", "true"), ("cluster.bootstrap", "true"), ("cluster.join", "a:1")];
        assert_eq!(load(&both).unwrap_err(), "--set: cluster.join and cluster.bootstrap exclude each other");
    }
}
