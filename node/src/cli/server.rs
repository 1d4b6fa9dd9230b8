//! `jeroboam server`

use clap::Args;

use super::Common;
use crate::{Error, config::Config};

/// Runs one member until it is told to stop (SIGTERM, SIGINT; a second one ends it at once).
///
/// The first member of a new cluster is started with --bootstrap, each further one with the --token that `jeroboam member add` printed.
/// A folder that belongs to a member already is simply started again; both flags are ignored then.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// What people call this member (member.name)
    #[arg(long)]
    name: Option<String>,
    /// Failure zone (member.zone)
    #[arg(long)]
    zone: Option<String>,
    /// Where the REST API listens (api.listen)
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// File of static tokens (api.tokens)
    #[arg(long, value_name = "FILE")]
    tokens: Option<String>,
    /// Where the other members reach this one (peer.listen)
    #[arg(long, value_name = "HOST:PORT")]
    peer_listen: Option<String>,
    /// Folder of this member's certificate (peer.tls_dir)
    #[arg(long, value_name = "DIR")]
    tls_dir: Option<String>,
    /// Talk to the other members in the clear (peer.insecure)
    #[arg(long)]
    insecure: bool,
    /// Start a new cluster, if the data folder is empty (cluster.bootstrap)
    #[arg(long, conflicts_with_all = ["join", "token", "token_file"])]
    bootstrap: bool,
    /// Further peer addresses to knock at when joining (cluster.join)
    #[arg(long, value_name = "HOST:PORT,…")]
    join: Option<String>,
    /// Join a cluster, if the data folder is empty: the token of `jeroboam member add` (cluster.token)
    #[arg(long, env = "JEROBOAM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A file that holds that token (cluster.token_file)
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// human, json or auto (log.format)
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What is logged, for example debug or info,raft=debug (log.filter)
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Server {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        crate::run::run(Config::load(&common.sources(self.flags())?)?)
    }

    fn flags(&self) -> Vec<(&'static str, String, &'static str)> {
        let said = |flag: bool| flag.then(|| "true".to_owned());
        [
            ("member.name", self.name.clone(), "--name"),
            ("member.zone", self.zone.clone(), "--zone"),
            ("api.listen", self.listen.clone(), "--listen"),
            ("api.tokens", self.tokens.clone(), "--tokens"),
            ("peer.listen", self.peer_listen.clone(), "--peer-listen"),
            ("peer.tls_dir", self.tls_dir.clone(), "--tls-dir"),
            ("peer.insecure", said(self.insecure), "--insecure"),
            ("cluster.bootstrap", said(self.bootstrap), "--bootstrap"),
            ("cluster.join", self.join.clone(), "--join"),
            ("cluster.token", self.token.clone(), "--token"),
            ("cluster.token_file", self.token_file.clone(), "--token-file"),
            ("log.format", self.log_format.clone(), "--log-format"),
            ("log.filter", self.log.clone(), "--log"),
        ]
        .into_iter()
        .filter_map(|(key, value, flag)| Some((key, value?, flag)))
        .collect()
    }
}
