//! The list of all points: the table in `deploy/fault-points.md`, which is built in.

use serde::Serialize;

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Whether an answer can be lost there.
    pub answer: bool,
    /// The moment, in words.
    pub moment: String,
}

/// All points, in the order of the list.
pub fn points() -> Vec<Point> {
    let rows = include_str!("../../../deploy/fault-points.md").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` |")?;
        let (answer, moment) = rest.split_once('|')?;
        let moment = moment.trim().trim_end_matches('|').trim();
        Some(Point { name: name.to_owned(), answer: answer.trim() == "yes", moment: moment.to_owned() })
    })
    .collect()
}
