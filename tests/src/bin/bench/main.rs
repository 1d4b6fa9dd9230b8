//! `make bench`: durable creates and linearizable reads beside a three-node etcd, in one run, on one machine.
//!
//! Absolute rates move with the neighbours of a shared machine, so each load is put on both systems one right after the other, and the
//! table gives the ratio and the CPU time per operation (summed over all server processes) beside the rates. Both sides replicate over
//! mutual TLS, flush before they acknowledge, and are driven by `wrk` over plain HTTP through all three members at once: Jeroboam's
//! REST API with a token, etcd's JSON gateway without one. What is aimed at is printed beside what was reached; a goal that is missed does not
//! end the program otherwise.

mod etcd;
mod goal;
mod jeroboam;
mod load;
mod table;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use load::{Load, Measured};

/// Anything that ends a benchmark early, in words.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Connections in total, over all members.
const CONNECTIONS: [u32; 4] = [1, 16, 64, 256];

/// Something under load: three servers behind HTTP.
trait Peer {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// `host:port` of each member.
    fn endpoints(&self) -> Vec<String>;
    /// Process ids of all its servers.
    fn pids(&self) -> Vec<u32>;
    /// The script and its arguments that create from `member`, in run `run`.
    fn create(&self, run: u32, member: usize) -> (PathBuf, Vec<String>);
    /// The script and its arguments that read what was created.
    fn read(&self) -> Result<(PathBuf, Vec<String>)>;
    /// How many objects there are, asked from a member at the end.
    fn count(&self) -> Result<u64>;
}

fn seconds() -> u32 {
    std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir()?;
    eprintln!("bench: starting three members of Jeroboam and three of etcd, mutual TLS between members on both sides");
    let ours = jeroboam::Cluster::start(&root, folder.path())?;
    let etcd = etcd::Cluster::start(&root, folder.path())?;
    let peers: [&dyn Peer; 2] = [&etcd, &ours];

    let mut rows = Vec::new();
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let run = u32::try_from(index)?;
        rows.push(row("create", connections, &peers, |peer, member| Ok(peer.create(run, member)))?);
    }
    for (peer, expected) in peers.iter().zip(table::created(&rows)) {
        let found = peer.count()?;
        eprintln!("bench: {} acknowledged {expected} creates and holds {found} objects", peer.name());
        if found < expected {
            return Err(format!("{} lost {} acknowledged objects", peer.name(), expected - found).into());
        }
    }
    for connections in CONNECTIONS {
        rows.push(row("read", connections, &peers, |peer, _| peer.read())?);
    }
    println!("{}\n{}", table::markdown(&rows, seconds()), goal::markdown(&rows));
    Ok(())
}

/// One line of the table: the same load on both, one after the other.
fn row(
    kind: &'static str,
    connections: u32,
    peers: &[&dyn Peer; 2],
    script: impl Fn(&dyn Peer, usize) -> Result<(PathBuf, Vec<String>)>,
) -> Result<table::Row> {
    let mut measured: Vec<Measured> = Vec::new();
    for peer in peers {
        eprintln!("bench: {kind}, {connections} connections, {} …", peer.name());
        let scripts = (0..peer.endpoints().len()).map(|member| script(*peer, member)).collect::<Result<Vec<_>>>()?;
        let load = Load { endpoints: peer.endpoints(), scripts, connections, seconds: seconds() };
        measured.push(load.put_on(&peer.pids())?);
    }
    let mut measured = measured.into_iter();
    match (measured.next(), measured.next()) {
        (Some(etcd), Some(ours)) => Ok(table::Row { kind, connections, etcd, ours }),
        _ => Err("a side was not measured".into()),
    }
}
