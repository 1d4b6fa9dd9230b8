//! What the conductor counts, as Prometheus reads it. The rest of `/metrics` is `api`'s.

use std::fmt::Write as _;

use conductor::Counts;

/// Families in the text format, without an end mark.
pub(crate) fn conductor(counts: &Counts) -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    write(&mut text, counts).unwrap_or_default();
    text
}

fn write(text: &mut String, counts: &Counts) -> std::fmt::Result {
    let owned = "conductor_owned_clusters";
    write!(text, "# HELP {owned} Clusters this member acts for.\n# TYPE {owned} gauge\n{owned} {}\n", counts.owned)?;
    let counters: [(&str, &str, u64); 6] = [
        ("conductor_fenced_reports", "Reports refused because their epoch was over", counts.fenced),
        ("conductor_interrupted_calls", "Outside calls dropped because the right to act ran out", counts.interrupted),
        ("conductor_orphans_removed", "Outside things without a record that were removed", counts.orphans),
        ("conductor_grants", "Leases granted as the leader", counts.grants),
        ("conductor_grants_refused", "Leases refused as the leader", counts.grants_refused),
        ("conductor_lease_lapses", "Times this member's own lease ran out while it owned clusters", counts.lapses),
    ];
    for (name, help, value) in counters {
        write!(text, "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n")?;
    }
    write!(text, "# HELP conductor_moves Clusters assigned as the leader.\n# TYPE conductor_moves counter\n")?;
    for (reason, value) in &counts.moves {
        writeln!(text, "conductor_moves_total{{reason=\"{}\"}} {value}", reason.word())?;
    }
    write!(text, "# HELP conductor_steps Steps of operations.\n# TYPE conductor_steps counter\n")?;
    for (outcome, value) in &counts.steps {
        writeln!(text, "conductor_steps_total{{outcome=\"{}\"}} {value}", outcome.word())?;
    }
    operations(text, counts)
}

fn operations(text: &mut String, counts: &Counts) -> std::fmt::Result {
    let (open, stuck) = ("operations_open", "operations_stuck");
    write!(text, "# HELP {open} Open operations of all clusters; told by the leader.\n# TYPE {open} gauge\n{open} {}\n", counts.open)?;
    write!(text, "# HELP {stuck} Those of them that do not get on; told by the leader.\n# TYPE {stuck} gauge\n")?;
    for (why, value) in &counts.stuck {
        writeln!(text, "{stuck}{{why=\"{}\"}} {value}", why.words())?;
    }
    let retries = "operation_step_retries";
    write!(text, "# HELP {retries} Attempts that are made again, by the kind of failure.\n# TYPE {retries} counter\n")?;
    for (failure, value) in &counts.retries {
        writeln!(text, "{retries}_total{{failure=\"{}\"}} {value}", failure.word())?;
    }
    let seconds = "operation_seconds";
    write!(text, "# HELP {seconds} From acceptance to the end that this member gave it.\n# TYPE {seconds} summary\n")?;
    for ((kind, state), times) in &counts.ended {
        let labels = format!("op=\"{}\",outcome=\"{}\"", kind.word(), state.word().to_lowercase());
        writeln!(text, "{seconds}_count{{{labels}}} {}", times.count)?;
        writeln!(text, "{seconds}_sum{{{labels}}} {}.{:03}", times.sum_ms / 1000, times.sum_ms % 1000)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use conductor::Times;
    use model::{
        operation::{Failure, Kind, State, stuck::Stuck},
        ownership::Reason,
    };

    use super::*;

    #[test]
    fn every_sample_belongs_to_a_family_of_its_own() {
        let counts = Counts {
            owned: 3,
            moves: [(Reason::Lost, 2), (Reason::New, 5)].into(),
            stuck: [(Stuck::NoOwner, 1)].into(),
            retries: [(Failure::Busy, 4)].into(),
            ended: [((Kind::ClusterCreate, State::Failed), Times { count: 2, sum_ms: 1_050 })].into(),
            ..Counts::default()
        };
        let text = conductor(&counts);
        assert!(text.contains("\nconductor_owned_clusters 3\n") && text.contains("conductor_moves_total{reason=\"lost\"} 2\n"), "{text}");
        assert!(text.contains("operation_seconds_sum{op=\"cluster.create\",outcome=\"failed\"} 1.050\n"), "{text}");
        let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap_or_default();
            let endings = ["", "_total", "_count", "_sum"];
            let known = |family: &&str| endings.iter().any(|ending| name == format!("{family}{ending}"));
            assert!(families.iter().any(known), "{sample}");
        }
    }
}
