//! Plain tables.

use comfy_table::{Cell, CellAlignment, Table as Grid, presets};

/// A table with a title.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    grid: Grid,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::ASCII_MARKDOWN).set_header(columns.to_vec());
        Self { title: title.to_owned(), grid }
    }

    /// Adds a row; cells that begin with a digit go to the right.
    pub fn row(&mut self, cells: &[String]) {
        self.grid.add_row(cells.iter().map(|cell| {
            let number = cell.chars().next().is_some_and(|first| first.is_ascii_digit());
            let cell = Cell::new(cell);
            if number { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "\n{}\n\n{}\n", self.title, self.grid)
    }
}
