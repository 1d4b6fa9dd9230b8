//! The table that goes into the README.

use crate::load::Measured;

/// The same load on both.
pub(crate) struct Row {
    /// `create` or `read`.
    pub kind: &'static str,
    /// Connections in total.
    pub connections: u32,
    /// etcd's side.
    pub etcd: Measured,
    /// Jeroboam's side.
    pub ours: Measured,
}

/// Acknowledged creates of each side, etcd first.
pub(crate) fn created(rows: &[Row]) -> [u64; 2] {
    let creates = rows.iter().filter(|row| row.kind == "create");
    creates.fold([0, 0], |[etcd, ours], row| [etcd + row.etcd.requests, ours + row.ours.requests])
}

/// The rows as Markdown.
pub(crate) fn markdown(rows: &[Row], seconds: u32) -> String {
    let mut text = format!(
        "Three members each, mutual TLS between members on both sides, {seconds} s per cell, all servers and wrk on the same {} cores; per cell etcd / Jeroboam.\n\n\
         | load | connections | rate per s | ratio | p50 ms | p99 ms | CPU µs per op | memory MiB | errors |\n|---|---|---|---|---|---|---|---|---|\n",
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    for row in rows {
        let (etcd, ours) = (&row.etcd, &row.ours);
        text.push_str(&format!(
            "| {} | {} | {:.0} / {:.0} | **{:.2}** | {:.2} / {:.2} | {:.1} / {:.1} | {:.0} / {:.0} | {} / {} | {} / {} |\n",
            row.kind,
            row.connections,
            etcd.rate,
            ours.rate,
            ours.rate / etcd.rate.max(1.0),
            etcd.p50,
            ours.p50,
            etcd.p99,
            ours.p99,
            etcd.cpu_us,
            ours.cpu_us,
            etcd.mib,
            ours.mib,
            etcd.errors,
            ours.errors,
        ));
    }
    text
}
