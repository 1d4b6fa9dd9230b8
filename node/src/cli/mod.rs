//! The command line: what can be asked, and where the answers come from.
//!
//! `server` runs a member. `status`, `events`, `member`, `ownership`, `operation` and `snapshot` talk to a running one through the socket in its data
//! folder (see
//! [`crate::control`]); who may read that folder may command the member. `pki`, `policy`, `recover`, `completion` and `config` need no member.
//! Every failure is one line on standard error, `jeroboam: …`, and an exit status ([`crate::Error::exit_code`]).

mod completion;
mod configuration;
mod events;
#[cfg(feature = "faults")]
mod fault;
mod member;
mod operation;
mod ownership;
mod pki;
mod policy;
mod recover;
mod server;
mod snapshot;
mod status;
mod table;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    Error,
    config::{Layers, Sources},
};

/// Container clusters as a service: one binary for every member.
#[derive(Debug, Parser)]
#[command(name = "jeroboam", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags of all commands.
#[derive(Debug, Args)]
struct Common {
    /// The configuration file [default: /etc/jeroboam/jeroboam.toml, if it is there]
    #[arg(long, short, global = true, env = "JEROBOAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any key of the configuration, for example --set raft.heartbeat=100ms
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The member's data folder (member.data_dir)
    #[arg(long, short, global = true, value_name = "DIR")]
    data_dir: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a member
    Server(Box<server::Server>),
    /// Show the members, who leads, and the bays with their owners
    Status(status::Status),
    /// Tell what happened to a bay
    Events(events::Events),
    /// List, add, promote, demote, replace, remove or drain members
    #[command(subcommand)]
    Member(member::Member),
    /// Show who owns which bay and what would move; rebalance, pin bays to members
    #[command(subcommand)]
    Ownership(ownership::Ownership),
    /// List, show, retry or cancel operations; force what is stuck
    #[command(subcommand)]
    Operation(operation::Operation),
    /// Make the cluster's authority and the members' certificates
    #[command(subcommand)]
    Pki(pki::Pki),
    /// List the rules of who may do what, print them as a file, or ask them (no member need run)
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Take a snapshot of the state now and shorten the log
    Snapshot(snapshot::Snapshot),
    /// Start again from one member's folder after a majority of the voters was lost for good (offline)
    Recover(recover::Recover),
    /// Print a completion script for a shell
    Completion(completion::Completion),
    /// Show the configuration in force, or all keys with their defaults
    #[command(subcommand)]
    Config(configuration::Configuration),
    /// Say where this test build is to fail
    #[cfg(feature = "faults")]
    #[command(subcommand)]
    Fault(fault::Fault),
}

/// Reads the arguments, does what they say and returns the exit status.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody listens to standard output any more: nothing is left to be said.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jeroboam: {error}");
            error.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Error> {
    let common = &cli.common;
    match &cli.command {
        Command::Server(server) => server.run(common),
        Command::Status(status) => status.run(common),
        Command::Events(events) => events.run(common),
        Command::Member(member) => member.run(common),
        Command::Ownership(ownership) => ownership.run(common),
        Command::Operation(operation) => operation.run(common),
        Command::Pki(pki) => pki.run(),
        Command::Policy(policy) => policy.run(common),
        Command::Snapshot(snapshot) => snapshot.run(common),
        Command::Recover(recover) => recover.run(common),
        Command::Completion(completion) => completion.run(),
        Command::Config(configuration) => configuration.run(common),
        #[cfg(feature = "faults")]
        Command::Fault(fault) => fault.run(common),
    }
    .map(|()| ExitCode::SUCCESS)
}

impl Common {
    /// Where the configuration comes from, with further flags of the command.
    fn sources(&self, flags: Vec<(&str, String, &str)>) -> Result<Sources, Error> {
        let fallback = || Some(PathBuf::from("/etc/jeroboam/jeroboam.toml")).filter(|path| path.exists());
        let mut all = Vec::new();
        for pair in &self.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(crate::config::Error(format!("--set {pair}: must be KEY=VALUE")).into());
            };
            all.push((key.trim().to_owned(), value.to_owned(), "--set".to_owned()));
        }
        if let Some(folder) = &self.data_dir {
            all.push(("member.data_dir".to_owned(), folder.clone(), "--data-dir".to_owned()));
        }
        all.extend(flags.into_iter().map(|(key, value, flag)| (key.to_owned(), value, flag.to_owned())));
        // A variable that is not Unicode can be none of ours.
        let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Sources { file: self.config.clone().or_else(fallback), environment: environment.collect(), flags: all })
    }

    /// The member's data folder; the rest of the configuration need not be right for this.
    fn folder(&self) -> Result<PathBuf, Error> {
        Ok(Layers::load(&self.sources(Vec::new())?)?.data_dir()?)
    }

    /// Asks the running member.
    fn ask<A: serde::de::DeserializeOwned>(&self, request: &crate::control::Request) -> Result<A, Error> {
        crate::control::ask(&self.folder()?, request)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_has_help() {
        fn check(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")) {
                assert!(argument.get_help().is_some(), "{path} {} has no help", argument.get_id());
            }
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&Cli::command(), "jeroboam");
    }

    #[test]
    fn flags_become_keys_with_their_own_name_as_origin() {
        let cli = Cli::try_parse_from(["jeroboam", "server", "-d", "/tmp/x", "--set", "raft.heartbeat=40ms"]).unwrap();
        let sources = cli.common.sources(vec![("api.listen", "a:1".into(), "--listen")]).unwrap();
        let flags: Vec<_> = sources.flags.iter().map(|(key, value, flag)| (key.as_str(), value.as_str(), flag.as_str())).collect();
        assert_eq!(
            flags,
            [("raft.heartbeat", "40ms", "--set"), ("member.data_dir", "/tmp/x", "--data-dir"), ("api.listen", "a:1", "--listen")]
        );
        let odd = Cli::try_parse_from(["jeroboam", "--set", "raft.heartbeat", "status"]).unwrap();
        assert_eq!(odd.common.sources(vec![]).unwrap_err().to_string(), "--set raft.heartbeat: must be KEY=VALUE");
    }

    #[test]
    fn wrong_use_is_status_two() {
        for arguments in [vec!["jeroboam"], vec!["jeroboam", "member", "promote", "three"], vec!["jeroboam", "nonsense"]] {
            let error = Cli::try_parse_from(&arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
