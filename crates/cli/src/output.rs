//! Showing results, on standard output.
//!
//! What a command has done is done, whether it can be shown or not, so a command that can't write goes on, says the rest
//! that it has to say, and fails at its end: whoever has sent the result to a file must not take half of it for all. A
//! reader that has gone away (`usher … | head`) has what it wanted, and is no failure.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

/// The first that could not be written, until it is asked for. There is one standard output.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes JSON, indented.
pub fn json(value: &Value) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Writes a text that has its own line breaks.
pub fn text_as_is(text: &str) {
    note(io::stdout().write_all(text.as_bytes()));
}

/// Writes a line.
pub fn line(text: &str) {
    note(writeln!(io::stdout(), "{text}"));
}

/// Whether all that was shown is where it was to go.
///
/// # Errors
/// What could not be written; it is told once.
pub fn finish() -> Result<(), Unwritten> {
    note(io::stdout().flush());
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(Unwritten(error)),
        None => Ok(()),
    }
}

/// The result is not, or not whole, where it was to go.
#[derive(Debug, thiserror::Error)]
#[error("standard output can't be written: {0}")]
pub struct Unwritten(io::Error);

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Writes rows in aligned columns under a heading. What people wrote may hold line breaks, or codes that a
/// terminal would obey: they become blanks.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.replace(char::is_control, " ")).collect()).collect();
    let mut widths: Vec<usize> = heading.iter().map(|cell| width(cell)).collect();
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let show = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, widest)| {
            let gap = widest - width(cell);
            format!("{cell}{}", " ".repeat(gap))
        });
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    show(heading.to_vec());
    for row in &rows {
        show(row.iter().map(String::as_str).collect());
    }
}

/// A field as text: strings bare, nothing for what is missing.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The leaves of a value, each with its path.
pub fn leaves(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect("", value, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                collect(&within(name), field, found);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (n, item) in items.iter().enumerate() {
                collect(&format!("{path}[{n}]"), item, found);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            found.push((path.to_owned(), items.join(", ")));
        }
        leaf => found.push((path.to_owned(), text(leaf))),
    }
}

/// Columns that a text takes on a terminal: none for marks that sit on the letter before, two for the wide
/// letters of East Asia and for emoji.
fn width(text: &str) -> usize {
    let columns = |letter| match u32::from(letter) {
        0x0300..=0x036F | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    };
    text.chars().map(columns).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_take_the_columns_that_a_terminal_gives_them() {
        assert_eq!(width("Maracanã"), 8);
        assert_eq!(width("Maracana\u{303}"), 8);
        assert_eq!(width("日産スタジアム"), 14);
    }

    #[test]
    fn leaves_have_paths() {
        let value = json!({"key": "a", "killed": {"venues": ["x", "y"]}, "rules": [{"id": 1}], "empty": {}});
        let leaves: Vec<String> =
            leaves(&value).into_iter().map(|(path, text)| format!("{path}={text}")).collect();
        assert_eq!(leaves, ["key=a", "killed.venues=x, y", "rules[0].id=1", "empty={}"]);
    }
}
