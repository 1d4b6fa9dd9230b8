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
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::ownership::Reason;

    use super::*;

    #[test]
    fn every_sample_belongs_to_a_family_of_its_own() {
        let counts = Counts { owned: 3, moves: [(Reason::Lost, 2), (Reason::New, 5)].into(), ..Counts::default() };
        let text = conductor(&counts);
        assert!(text.contains("\nconductor_owned_clusters 3\n") && text.contains("conductor_moves_total{reason=\"lost\"} 2\n"), "{text}");
        let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap_or_default();
            assert!(families.iter().any(|family| name == *family || name == format!("{family}_total")), "{sample}");
        }
    }
}
