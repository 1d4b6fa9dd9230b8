//! One load: `wrk` on every member at once, and what the servers used meanwhile.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Result, usage};

/// A load on one system.
pub(crate) struct Load {
    /// `host:port` of each member.
    pub endpoints: Vec<String>,
    /// Script and arguments for each member.
    pub scripts: Vec<(PathBuf, Vec<String>)>,
    /// Connections in total.
    pub connections: u32,
    /// How long.
    pub seconds: u32,
}

/// What a load gave.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Good answers.
    pub requests: u64,
    /// Good answers a second.
    pub rate: f64,
    /// Answers other than 2xx, and broken connections.
    pub errors: u64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// CPU time of all servers per good answer, microseconds.
    pub cpu_us: f64,
    /// Resident memory of all servers at the end, MiB.
    pub mib: u64,
}

struct Report {
    requests: u64,
    errors: u64,
    /// Microseconds at each per mille.
    latencies: Vec<f64>,
}

impl Load {
    /// Puts it on the servers with these process ids.
    pub(crate) fn put_on(&self, pids: &[u32]) -> Result<Measured> {
        let shares = shares(self.connections, self.endpoints.len());
        let before = usage::cpu_us(pids)?;
        let mut running = Vec::new();
        for ((endpoint, script), share) in self.endpoints.iter().zip(&self.scripts).zip(shares) {
            if share > 0 {
                running.push(wrk(endpoint, script, share, self.seconds)?);
            }
        }
        let reports = running.into_iter().map(finish).collect::<Result<Vec<_>>>()?;
        let cpu = usage::cpu_us(pids)? - before;
        Ok(summary(&reports, self.seconds, cpu, usage::resident_mib(pids)?))
    }
}

/// Connections for each member; a single one goes to the last member, which is seldom the leader.
fn shares(connections: u32, members: usize) -> Vec<u32> {
    let members = u32::try_from(members).unwrap_or(1).max(1);
    (0..members).map(|member| connections / members + u32::from(members - member <= connections % members)).collect()
}

fn wrk(endpoint: &str, (script, arguments): &(PathBuf, Vec<String>), connections: u32, seconds: u32) -> Result<Child> {
    let whole = with_report(script)?;
    Ok(Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s", "-s"])
        .arg(whole)
        .arg(format!("http://{endpoint}"))
        .arg("--")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?)
}

/// wrk takes one script; the report is appended to a copy of it, made once: a wrk that is starting may be reading it.
fn with_report(script: &Path) -> Result<PathBuf> {
    let report = script.with_file_name("report.lua");
    let copy = std::env::temp_dir().join(format!(
        "jeroboam-bench-{}-{}",
        std::process::id(),
        script.file_name().unwrap_or_default().to_string_lossy()
    ));
    if !copy.exists() {
        std::fs::write(&copy, format!("{}\n{}", std::fs::read_to_string(script)?, std::fs::read_to_string(report)?))?;
    }
    Ok(copy)
}

fn finish(child: Child) -> Result<Report> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT ")).ok_or_else(|| format!("wrk gave no result: {text}"))?;
    let value = |name: &str| -> Result<u64> {
        let found = result.split_whitespace().find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
        found.ok_or_else(|| format!("wrk's result lacks {name}").into())
    };
    let latencies = text
        .lines()
        .find_map(|line| line.strip_prefix("PERCENTILES "))
        .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
        .unwrap_or_default();
    let errors = value("bad")? + value("broken")?;
    Ok(Report { requests: value("requests")?.saturating_sub(value("bad")?), errors, latencies })
}

fn summary(reports: &[Report], seconds: u32, cpu: u64, mib: u64) -> Measured {
    let requests: u64 = reports.iter().map(|report| report.requests).sum();
    let good = requests.max(1) as f64;
    Measured {
        requests,
        rate: requests as f64 / f64::from(seconds),
        errors: reports.iter().map(|report| report.errors).sum(),
        p50: percentile(reports, 0.5),
        p99: percentile(reports, 0.99),
        cpu_us: cpu as f64 / good,
        mib,
    }
}

/// The percentile over all reports: each of a report's thousand points stands for a thousandth of its requests.
fn percentile(reports: &[Report], share: f64) -> f64 {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for report in reports {
        points.extend(report.latencies.iter().map(|latency| (*latency, report.requests as f64 / 1000.0)));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = points.iter().map(|point| point.1).sum();
    let mut seen = 0.0;
    for (latency, weight) in &points {
        seen += weight;
        if seen >= total * share {
            return latency / 1000.0;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_shared_out_whole() {
        for connections in [1, 2, 3, 16, 64, 256] {
            assert_eq!(shares(connections, 3).iter().sum::<u32>(), connections);
        }
        assert_eq!(shares(1, 3), vec![0, 0, 1]);
    }

    #[test]
    fn percentiles_weigh_reports_by_their_requests() {
        let fast = Report { requests: 9000, errors: 0, latencies: vec![1000.0; 1000] };
        let slow = Report { requests: 1000, errors: 0, latencies: vec![9000.0; 1000] };
        let reports = [fast, slow];
        assert!((percentile(&reports, 0.5) - 1.0).abs() < f64::EPSILON);
        assert!((percentile(&reports, 0.99) - 9.0).abs() < f64::EPSILON);
    }
}
