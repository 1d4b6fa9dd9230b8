//! `chaos`: breaks a cluster of real members and judges what their clients saw.
//!
//! Exit status: 0 the verdict is true, 1 it is false, 2 it is unknown (too little was broken, or the harness failed).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use jepsen::{
    Chance, Error, Verdict,
    chaos::{
        Options, balancer, churn, containers, durability, failover, hang, linearizable, matrix, membership, quick, race, rolling, scale,
        stacks, storm,
    },
    history,
    report::Summary,
};
use nix::sys::statvfs::statvfs;
use tokio::signal::unix::{SignalKind, signal};

/// Free bytes that a campaign asks for: the whole ones leave logs, data and histories of up to half of that.
const ROOM: u64 = 4 << 30;

/// Breaks a cluster of real Jeroboam members and judges what their clients saw.
///
/// Exit status: 0 verdict true, 1 false, 2 unknown. Histories and logs are kept unless the verdict is true.
#[derive(Debug, Parser)]
#[command(name = "chaos", version)]
struct Cli {
    /// The product's binary [default: beside this one, else $CARGO_TARGET_DIR/debug/jeroboam]
    #[arg(long, alias = "jeroboam", global = true, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// The seed of all chance; printed when none is given
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// Where runs keep histories, logs and data [default: a folder under the system's temporary one]
    #[arg(long, global = true, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Keep the folder even when the verdict is true
    #[arg(long, global = true)]
    keep: bool,
    /// A key of the product's configuration, such as raft.heartbeat=100ms; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Show figures without holding them against their targets
    #[arg(long, global = true)]
    no_targets: bool,
    /// The image of the containers; Docker must have it
    #[arg(long, global = true, default_value = "jeroboam/busybox:1")]
    image: String,
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Debug, Subcommand)]
enum Campaign {
    /// Kill, stop or pause leaders, followers and owners under a stream of writes; gaps and losses
    Failover {
        /// Runs of each fault
        #[arg(long, default_value_t = 20)]
        runs: u64,
        /// Writes per second through all members
        #[arg(long, default_value_t = 200)]
        rate: u64,
        /// Only this fault; may be repeated
        #[arg(long, value_parser = failover::names())]
        only: Vec<String>,
    },
    /// kill -9 of all members right after a purge; everything acknowledged is there
    Durability {
        /// How often
        #[arg(long, default_value_t = 10)]
        rounds: u64,
        /// Writes per second through all members
        #[arg(long, default_value_t = 200)]
        rate: u64,
        /// Take the power from their disk at the same moment: what was not flushed is gone (needs root and loop devices)
        #[arg(long)]
        power_loss: bool,
    },
    /// Reads, writes and conditional updates of registers under kills; judged by witness and search
    Linearizable {
        /// Operations at least
        #[arg(long, default_value_t = 100_000)]
        ops: u64,
        /// Clients, in groups of eight that share registers
        #[arg(long, default_value_t = 24)]
        clients: usize,
        /// Faults at least
        #[arg(long, default_value_t = 12)]
        faults: u64,
    },
    /// 3 to 5 to 3 voters, learners, a removed leader, a wiped and a lagging member, under writes
    Membership {
        /// Writes per second meanwhile
        #[arg(long, default_value_t = 100)]
        rate: u64,
    },
    /// kill -9 of a bay's owner at random moments of its containers' lives; Docker's listing judges
    Containers {
        /// How often
        #[arg(long, default_value_t = 50)]
        kills: u64,
        /// Clients, each with one container at a time
        #[arg(long, default_value_t = 4)]
        clients: usize,
    },
    /// kill -9 of the owner of most, and of the leader, in the midst of creations; creations against a quota
    Race {
        /// Runs with each victim; the quota is tried a quarter as often
        #[arg(long, default_value_t = 20)]
        runs: u64,
    },
    /// Owners die, sleep, are drained and balanced while bays and containers live and die; the backend's journal judges
    Churn {
        /// Changes of owner in all; half of them behind a backend that fences
        #[arg(long, default_value_t = 2000)]
        changes: u64,
        /// Bays that stay, each with a client that works on its containers
        #[arg(long, default_value_t = 60)]
        bays: usize,
        /// Clients that create and delete further bays
        #[arg(long, default_value_t = 6)]
        clients: usize,
    },
    /// All members are drained, stopped and started again one after the other under load; no operation may fail, repeat or wait long
    Rolling {
        /// How often each member goes
        #[arg(long, default_value_t = 2)]
        rounds: u64,
        /// Bays
        #[arg(long, default_value_t = 12)]
        bays: usize,
        /// Clients of each bay, each with one container at a time
        #[arg(long, default_value_t = 2)]
        clients: usize,
    },
    /// A backend that gives no answer for one bay in twenty; the others must be as quick as ever
    Hang {
        /// Bays of one wave
        #[arg(long, default_value_t = 1000)]
        bays: usize,
        /// Rounds of four waves, two with and two without answers, at most
        #[arg(long, default_value_t = 8)]
        rounds: u64,
    },
    /// The health of bays changes ten times as often as in a calm; commits must take no more than twice as long, and nobody be elected
    Storm {
        /// Bays
        #[arg(long, default_value_t = 1000)]
        bays: usize,
        /// Writes per second through all members
        #[arg(long, default_value_t = 100)]
        rate: u64,
        /// Rounds of four spells, two calm and two of storm
        #[arg(long, default_value_t = 3)]
        rounds: u64,
        /// Seconds of one spell
        #[arg(long, default_value_t = 20)]
        spell: u64,
    },
    /// Very many bays on 1, 3, 5 and 3 + 2 members: rates, looks, memory, processor time, lists, and a lost member's share
    Scale {
        /// Bays
        #[arg(long, default_value_t = 10_000)]
        bays: usize,
        /// Only a cluster of so many voters, or voters and learners, such as 3+2; may be repeated
        #[arg(long, value_name = "MEMBERS")]
        only: Vec<scale::Shape>,
    },
    /// Clients that never try again, behind HAProxy as it is delivered, while members are killed
    Balancer {
        /// Members killed, every 20 s
        #[arg(long, default_value_t = 20)]
        kills: u64,
        /// Clients
        #[arg(long, default_value_t = 8)]
        clients: usize,
    },
    /// Every fault point of the test build with every fault: panic, kill -9, SIGSTOP for two leases, a lost reply; the crash matrix
    Matrix {
        /// The test build [default: jeroboam-faulty beside this one, or in $CARGO_TARGET_DIR/debug]
        #[arg(long, value_name = "FILE")]
        faulty: Option<PathBuf>,
        /// Runs of each point with each fault
        #[arg(long, default_value_t = 10)]
        runs: u64,
        /// Clusters of three members side by side
        #[arg(long, default_value_t = 6)]
        parallel: usize,
        /// Only points whose name begins so; may be repeated
        #[arg(long, value_name = "POINT")]
        only: Vec<String>,
        /// Only these faults
        #[arg(long, value_delimiter = ',', default_value = "panic,kill,stop,lost")]
        faults: Vec<matrix::cell::Fault>,
        /// Only so many cells, chosen by the seed, none that wait a minute for a deadline
        #[arg(long, value_name = "CELLS")]
        sample: Option<usize>,
        /// Leave the real containers out
        #[arg(long)]
        without_docker: bool,
        /// Write the matrix as Markdown [default: matrix.md in the run's folder]
        #[arg(long, value_name = "FILE")]
        markdown: Option<PathBuf>,
    },
    /// Clusters as stacks of a scripted cloud are made, resized by named nodes, upgraded, healed and deleted while their owners die
    Stacks {
        /// Clusters
        #[arg(long, default_value_t = 12)]
        clusters: usize,
        /// kill -9 of the owner of most in each phase
        #[arg(long, default_value_t = 3)]
        kills: u64,
    },
    /// A short sample of each campaign
    Quick {
        /// Leave the containers out
        #[arg(long)]
        without_docker: bool,
    },
    /// Judge a recorded history of registers (history.jsonl) again
    Judge {
        /// The file
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            eprintln!("chaos: {error}\nverdict: unknown");
            Verdict::Unknown.into()
        }
    }
}

async fn run(cli: Cli) -> Result<Verdict, Error> {
    if let Campaign::Judge { file } = &cli.campaign {
        let mut summary = Summary::default();
        linearizable::judge(&history::load(file)?, &mut summary);
        println!("{summary}");
        return Ok(summary.verdict());
    }
    let seed = cli.seed.unwrap_or_else(Chance::fresh_seed);
    let binary = cli.bin.clone().map_or_else(|| find("jeroboam"), Ok)?;
    let folder = folder(&cli)?;
    room(&folder)?;
    eprintln!("chaos: seed {seed}, folder {}", folder.display());
    let options = options(&cli, binary, seed, &folder);
    let mut summary = Summary::default();
    let result = tokio::select! {
        result = campaign(&cli.campaign, &options) => result,
        () = told_to_end() => Err(Error::Setup("told to end".to_owned())),
    };
    summary.add("chaos", result);
    println!("{summary}");
    let verdict = summary.verdict();
    if verdict == Verdict::True && !cli.keep {
        std::fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
    } else {
        eprintln!("chaos: histories and logs are in {}; again: chaos --seed {seed} …", folder.display());
    }
    Ok(verdict)
}

/// Resolves on SIGINT or SIGTERM: the members must not outlive the harness.
async fn told_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn campaign(campaign: &Campaign, options: &Options) -> Result<Summary, Error> {
    match campaign {
        Campaign::Failover { runs, rate, only } => {
            let calm = Duration::from_millis(1500);
            failover::run(options, &failover::Plan { runs: *runs, rate: *rate, only: only.clone(), calm }).await
        }
        Campaign::Durability { rounds, rate, power_loss } => {
            durability::run(options, durability::Plan { rounds: *rounds, rate: *rate, power_loss: *power_loss }).await
        }
        Campaign::Linearizable { ops, clients, faults } => {
            let plan = linearizable::Plan { operations: *ops, clients: *clients, faults: *faults };
            linearizable::run(options, plan).await
        }
        Campaign::Membership { rate } => membership::run(options, membership::Plan { rate: *rate, short: false }).await,
        Campaign::Containers { kills, clients } => containers::run(options, containers::Plan { kills: *kills, clients: *clients }).await,
        Campaign::Race { runs } => race::run(options, race::Plan { runs: *runs, rounds: runs.div_ceil(4) }).await,
        Campaign::Churn { changes, bays, clients } => {
            churn::run(options, churn::Plan { changes: *changes, bays: *bays, clients: *clients, stale: 100, short: false }).await
        }
        Campaign::Rolling { rounds, bays, clients } => {
            rolling::run(options, rolling::Plan { rounds: *rounds, bays: *bays, clients: *clients, short: false }).await
        }
        Campaign::Hang { bays, rounds } => hang::run(options, hang::Plan { bays: *bays, rounds: *rounds }).await,
        Campaign::Storm { bays, rate, rounds, spell } => {
            storm::run(options, storm::Plan { bays: *bays, rate: *rate, rounds: *rounds, spell: Duration::from_secs(*spell) }).await
        }
        Campaign::Scale { bays, only } => {
            let shapes = if only.is_empty() { scale::SHAPES.to_vec() } else { only.clone() };
            scale::run(options, &scale::Plan { bays: *bays, shapes }).await
        }
        Campaign::Balancer { kills, clients } => {
            let plan = balancer::Plan { kills: *kills, pause: Duration::from_secs(20), clients: *clients };
            balancer::run(options, plan).await
        }
        Campaign::Matrix { .. } => matrix::run(options, crash_matrix(campaign)?).await,
        Campaign::Stacks { clusters, kills } => stacks::run(options, stacks::Plan { clusters: *clusters, kills: *kills }).await,
        Campaign::Quick { without_docker } => Ok(quick::run(options, *without_docker).await),
        Campaign::Judge { file } => Err(Error::Setup(format!("{} is judged without a cluster", file.display()))),
    }
}

fn crash_matrix(campaign: &Campaign) -> Result<matrix::Plan, Error> {
    let Campaign::Matrix { faulty, runs, parallel, only, faults, sample, without_docker, markdown } = campaign else {
        return Err(Error::Setup("not the matrix".to_owned()));
    };
    Ok(matrix::Plan {
        binary: faulty.clone().map_or_else(|| find("jeroboam-faulty"), Ok)?,
        runs: *runs,
        parallel: *parallel,
        only: only.clone(),
        faults: faults.clone(),
        sample: *sample,
        docker: !without_docker,
        markdown: markdown.clone(),
    })
}

fn options(cli: &Cli, binary: PathBuf, seed: u64, folder: &Path) -> Options {
    let tuning: BTreeMap<String, String> = cli.set.iter().cloned().collect();
    let (targets, image) = (!cli.no_targets, cli.image.clone());
    Options { binary, seed, folder: folder.to_owned(), tuning, targets, image }
}

/// A full disk in the middle of a campaign would read like a fault of the members.
fn room(folder: &Path) -> Result<(), Error> {
    let disk = statvfs(folder).map_err(|errno| Error::file("look at the disk of", folder)(errno.into()))?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    if free < ROOM {
        let (folder, free, wanted) = (folder.display(), free >> 20, ROOM >> 20);
        return Err(Error::Setup(format!(
            "the disk of {folder} has {free} MiB free, a campaign needs {wanted}: free some, or name another with --folder"
        )));
    }
    Ok(())
}

fn folder(cli: &Cli) -> Result<PathBuf, Error> {
    if let Some(folder) = &cli.folder {
        std::fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
        return Ok(folder.clone());
    }
    // Short: the members' control sockets lie below it, and the system allows them 107 bytes.
    let made = tempfile::Builder::new().prefix("chaos-").tempdir();
    made.map(tempfile::TempDir::keep).map_err(Error::file("make", std::env::temp_dir()))
}

fn find(name: &str) -> Result<PathBuf, Error> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(name));
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|target| PathBuf::from(target).join("debug").join(name));
    [beside, target]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::Setup(format!("no binary {name}; build it, or say where it is (see --help)")))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
