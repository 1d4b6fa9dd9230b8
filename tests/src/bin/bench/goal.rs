//! What is aimed at, beside what was reached.
//!
//! A goal is no invariant: one that is missed is said, and the benchmark has done what it is for all the same.

use crate::table::Row;

/// Creates a second, as a multiple of etcd's.
const CREATES: f64 = 2.0;
/// Reads a second, as a multiple of etcd's.
const READS: f64 = 2.5;
/// With so many connections the multiples are aimed at.
const MANY: [u32; 2] = [64, 256];

/// Each goal with what was reached, as Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = "| load | connections | goal | reached | |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let multiple = if row.kind == "create" { CREATES } else { READS };
        if MANY.contains(&row.connections) {
            let reached = row.ours.rate / row.etcd.rate.max(1.0);
            let goal = format!("{multiple:.1} × etcd's rate");
            text.push_str(&line(row, &goal, reached >= multiple, &format!("{reached:.2} ×")));
        }
        if row.connections == 1 {
            let reached = format!("{:.2} against {:.2} ms", row.ours.p50, row.etcd.p50);
            text.push_str(&line(row, "p50 no worse than etcd's", row.ours.p50 <= row.etcd.p50, &reached));
        }
    }
    text
}

fn line(row: &Row, goal: &str, met: bool, reached: &str) -> String {
    let word = if met { "met" } else { "MISSED" };
    format!("| {} | {} | {goal} | {reached} | {word} |\n", row.kind, row.connections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Measured;

    fn side(rate: f64, p50: f64) -> Measured {
        Measured { requests: 1, rate, errors: 0, p50, p99: p50, cpu_us: 1.0, mib: 1 }
    }

    #[test]
    fn a_goal_is_met_or_missed_at_its_loads_only() {
        let row = |kind, connections, rate, p50| Row { kind, connections, etcd: side(100.0, 1.0), ours: side(rate, p50) };
        let words = |row: Row| markdown(&[row]).lines().nth(2).and_then(|line| line.rsplit("| ").next().map(str::to_owned));
        assert_eq!(words(row("create", 64, 200.0, 9.0)).as_deref(), Some("met |"));
        assert_eq!(words(row("create", 256, 199.0, 0.1)).as_deref(), Some("MISSED |"));
        assert_eq!(words(row("read", 64, 249.0, 0.1)).as_deref(), Some("MISSED |"));
        assert_eq!(words(row("create", 1, 10.0, 1.0)).as_deref(), Some("met |"));
        assert_eq!(words(row("read", 1, 900.0, 1.01)).as_deref(), Some("MISSED |"));
        assert_eq!(words(row("read", 16, 1.0, 9.0)), None);
    }
}
