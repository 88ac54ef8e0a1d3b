//! Tables of figures, for a terminal or for the README.

use clap::ValueEnum;

/// How tables are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Columns for a terminal.
    #[default]
    Text,
    /// Markdown, as the README has it.
    Markdown,
}

/// A table; the first column names what the others measure.
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(head: impl Into<Vec<&'static str>>) -> Self {
        Self { head: head.into(), rows: Vec::new() }
    }

    /// Adds a row, of as many cells as the head has.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    /// Prints it.
    pub fn print(&self, form: Form) {
        let head: Vec<String> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        match form {
            Form::Markdown => {
                println!("| {} |", head.join(" | "));
                println!("|{}", " --- |".repeat(head.len()));
                for row in &self.rows {
                    println!("| {} |", row.join(" | "));
                }
            }
            Form::Text => {
                let width = |n: usize| {
                    let cells = self.rows.iter().chain([&head]).filter_map(|row| row.get(n));
                    cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
                };
                let widths: Vec<usize> = (0..head.len()).map(width).collect();
                for row in [&head].into_iter().chain(&self.rows) {
                    let cells = row.iter().zip(&widths).enumerate().map(|(n, (cell, width))| match n {
                        0 => format!("{cell:<width$}"),
                        _ => format!("{cell:>width$}"),
                    });
                    println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
                }
            }
        }
        println!();
    }
}

/// A figure with as many digits as mean something.
pub fn figure(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.1}"),
        value if value < 1_000.0 => format!("{value:.0}"),
        value => {
            let digits = format!("{value:.0}");
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .filter_map(|group| std::str::from_utf8(group).ok())
                .collect();
            groups.join(",")
        }
    }
}

/// A ratio.
pub fn ratio(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// The middle one; 0 of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [7.04, 43.4, 999.0, 1_180.0, 1_234_567.0].map(figure),
            ["7.0", "43", "999", "1,180", "1,234,567"]
        );
        assert_eq!([1.804, 12.3].map(ratio), ["1.80", "12"]);
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
