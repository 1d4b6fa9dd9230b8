//! What the conductor counts, as Prometheus reads it. The rest of `/metrics` is `api`'s.

use std::fmt::Write as _;

use conductor::{BOUNDS_MS, Counts, SinkCounts};

/// Families in the text format, without an end mark. `member`: whose they are.
pub(crate) fn conductor(member: u64, counts: &Counts) -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    ownership(&mut text, member, counts).and_then(|()| steps(&mut text, counts)).unwrap_or_default();
    text
}

fn family(text: &mut String, name: &str, help: &str, kind: &str) -> std::fmt::Result {
    write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n")
}

/// Who acts for what, and how often that changed.
fn ownership(text: &mut String, member: u64, counts: &Counts) -> std::fmt::Result {
    family(text, "ownership_bays", "Clusters this member acts for", "gauge")?;
    writeln!(text, "ownership_bays{{node=\"{member}\"}} {}", counts.owned)?;
    family(text, "ownership_unowned_bays", "Clusters that nobody acts for, as the leader sees it; 0 on others", "gauge")?;
    writeln!(text, "ownership_unowned_bays {}", counts.unowned)?;
    family(text, "ownership_stuck_bays", "Clusters that nobody can act for, as the leader sees it; 0 on others", "gauge")?;
    writeln!(text, "ownership_stuck_bays {}", counts.homeless)?;
    family(text, "ownership_unmet_pins", "Pins that cannot be obeyed just now, as the leader sees it; 0 on others", "gauge")?;
    writeln!(text, "ownership_unmet_pins {}", counts.unmet)?;
    family(text, "ownership_moves", "Clusters assigned as the leader", "counter")?;
    for reason in model::ownership::REASONS {
        let value = counts.moves.get(&reason).copied().unwrap_or(0);
        writeln!(text, "ownership_moves_total{{reason=\"{}\"}} {value}", reason.word())?;
    }
    family(text, "ownership_grants", "Requests for a lease answered as the leader", "counter")?;
    for (outcome, value) in [("granted", counts.grants), ("refused", counts.grants_refused)] {
        writeln!(text, "ownership_grants_total{{outcome=\"{outcome}\"}} {value}")?;
    }
    let lapses = "Times this member's own lease ran out while it held one";
    let single: [(&str, &str, u64); 3] = [
        ("ownership_lease_lapses", lapses, counts.lapses),
        ("ownership_fenced_writes", "Reports refused because their epoch was over", counts.fenced),
        ("ownership_interrupted_calls", "Outside calls dropped because the right to act ran out", counts.interrupted),
    ];
    for (name, help, value) in single {
        family(text, name, help, "counter")?;
        writeln!(text, "{name}_total {value}")?;
    }
    Ok(())
}

/// What was done outside.
fn steps(text: &mut String, counts: &Counts) -> std::fmt::Result {
    let orphans = "conductor_orphans_removed";
    family(text, orphans, "Outside things without a record that were removed", "counter")?;
    writeln!(text, "{orphans}_total {}", counts.orphans)?;
    family(text, "conductor_steps", "Steps of operations", "counter")?;
    for (outcome, value) in &counts.steps {
        writeln!(text, "conductor_steps_total{{outcome=\"{}\"}} {value}", outcome.word())?;
    }
    let single = [
        ("conductor_looks", "Full looks at clusters", counts.looks),
        ("conductor_looks_failed", "Full looks that were not answered as they should be", counts.looks_failed),
        ("conductor_reports", "Entries about what was seen", counts.reports),
        ("conductor_reported_clusters", "Clusters in those entries", counts.sightings),
    ];
    for (name, help, value) in single {
        family(text, name, help, "counter")?;
        writeln!(text, "{name}_total {value}")?;
    }
    operations(text, counts).and_then(|()| sinks(text, counts))
}

fn operations(text: &mut String, counts: &Counts) -> std::fmt::Result {
    let (open, stuck) = ("operations_open", "operations_stuck");
    write!(text, "# HELP {open} Open operations of all clusters; told by the leader.\n# TYPE {open} gauge\n{open} {}\n", counts.open)?;
    write!(text, "# HELP {stuck} Those of them that do not get on; told by the leader.\n# TYPE {stuck} gauge\n")?;
    for (why, value) in &counts.stuck {
        writeln!(text, "{stuck}{{why=\"{}\"}} {value}", why.words())?;
    }
    family(text, "bays", "Clusters by status and engine; told by the leader", "gauge")?;
    for ((status, coe), value) in &counts.bays {
        writeln!(text, "bays{{status=\"{}\",coe=\"{coe}\"}} {value}", status.word())?;
    }
    let retries = "operation_step_retries";
    family(text, retries, "Attempts that are made again, by the step", "counter")?;
    for (step, value) in &counts.retries {
        writeln!(text, "{retries}_total{{step=\"{step}\"}} {value}")?;
    }
    times(text, counts)
}

/// How long operations took.
fn times(text: &mut String, counts: &Counts) -> std::fmt::Result {
    let name = "operation_seconds";
    family(text, name, "From acceptance to the end that this member gave it", "histogram")?;
    for ((kind, state), times) in &counts.ended {
        let labels = format!("op=\"{}\",outcome=\"{}\"", kind.word(), state.word().to_lowercase());
        for (bound_ms, within) in BOUNDS_MS.into_iter().zip(times.within) {
            writeln!(text, "{name}_bucket{{{labels},le=\"{}\"}} {within}", seconds(bound_ms))?;
        }
        writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", times.count)?;
        writeln!(text, "{name}_count{{{labels}}} {}", times.count)?;
        writeln!(text, "{name}_sum{{{labels}}} {}", seconds(times.sum_ms))?;
    }
    Ok(())
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Sinks of audit records. How far they are behind is known to whoever delivers, which is the leader.
fn sinks(text: &mut String, counts: &Counts) -> std::fmt::Result {
    type Value = fn(&SinkCounts) -> Option<u64>;
    let families: [(&str, &str, &str, Value); 4] = [
        ("audit_records", "counter", "Audit records that this member delivered", |sink| Some(sink.records)),
        ("audit_failures", "counter", "Deliveries of this member that a sink did not take", |sink| Some(sink.failures)),
        ("audit_lag_events", "gauge", "Events that a sink has still to be given, as the leader says", |sink| sink.lag),
        ("audit_lost_events", "gauge", "Events that were forgotten before a sink was given them, as the leader says", |sink| sink.lost),
    ];
    for (name, kind, help, value) in families {
        let suffix = if kind == "counter" { "_total" } else { "" };
        write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n")?;
        for (sink, known) in &counts.sinks {
            if let Some(value) = value(known) {
                writeln!(text, "{name}{suffix}{{sink=\"{sink}\"}} {value}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use conductor::Times;
    use model::{
        cluster::Status,
        operation::{Kind, State, stuck::Stuck},
        ownership::Reason,
    };

    use super::*;

    #[test]
    fn every_sample_belongs_to_a_family_of_its_own() {
        let sink = SinkCounts { records: 7, lag: Some(2), ..SinkCounts::default() };
        let mut times = Times::default();
        [300, 750].into_iter().for_each(|ms| times.add(ms));
        let counts = Counts {
            sinks: [("file".to_owned(), sink)].into(),
            owned: 3,
            moves: [(Reason::Lost, 2), (Reason::New, 5)].into(),
            stuck: [(Stuck::NoOwner, 1)].into(),
            retries: [("network.create", 4)].into(),
            bays: [((Status::CreateComplete, "swarm-mode"), 3)].into(),
            ended: [((Kind::ClusterCreate, State::Failed), times)].into(),
            ..Counts::default()
        };
        let text = conductor(7, &counts);
        for sample in [
            "ownership_bays{node=\"7\"} 3",
            "ownership_moves_total{reason=\"lost\"} 2",
            "ownership_moves_total{reason=\"drain\"} 0",
            "bays{status=\"CREATE_COMPLETE\",coe=\"swarm-mode\"} 3",
            "operation_step_retries_total{step=\"network.create\"} 4",
            "operation_seconds_bucket{op=\"cluster.create\",outcome=\"failed\",le=\"0.250\"} 0",
            "operation_seconds_bucket{op=\"cluster.create\",outcome=\"failed\",le=\"0.500\"} 1",
            "operation_seconds_bucket{op=\"cluster.create\",outcome=\"failed\",le=\"1.000\"} 2",
            "operation_seconds_bucket{op=\"cluster.create\",outcome=\"failed\",le=\"+Inf\"} 2",
        ] {
            assert!(text.lines().any(|line| line == sample), "{sample}: {text}");
        }
        assert!(text.contains("operation_seconds_sum{op=\"cluster.create\",outcome=\"failed\"} 1.050\n"), "{text}");
        assert!(text.contains("audit_records_total{sink=\"file\"} 7\n") && text.contains("audit_lag_events{sink=\"file\"} 2\n"), "{text}");
        assert!(!text.contains("audit_lost_events{"), "not known here: {text}");
        let families: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        let helped: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
        assert!(families.keys().all(|family| helped.iter().filter(|name| *name == family).count() == 1), "{text}");
        assert_eq!(families.len(), helped.len(), "each is told once, with its kind: {text}");
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap_or_default();
            let known = |(family, kind): (&&str, &&str)| endings(kind).iter().any(|ending| name == format!("{family}{ending}"));
            assert!(families.iter().any(known), "{sample}");
        }
    }

    /// What the names of a family's samples end with.
    fn endings(kind: &str) -> &'static [&'static str] {
        match kind {
            "gauge" => &[""],
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[],
        }
    }
}
