//! Finding flags in a text: in what stands between quotes, which is how code of every language writes a key.
//!
//! Between any two quotes of a kind is looked, so that no language has to be understood: what stands outside a literal
//! may be taken for one, but none is missed for a quote within another. A key that is a plain word has to be the whole
//! literal; one that has a mark in it, as in `resale-guard`, is found within a longer one too.

use std::collections::HashSet;

/// Longest snippet, in bytes.
const MAX_SNIPPET_BYTES: usize = 160;
/// A longer line, in bytes, is made by a machine.
const MAX_LINE_BYTES: usize = 4_000;
const QUOTES: [char; 3] = ['"', '\'', '`'];
/// How flags are asked for by OpenFeature's clients and ours, in small letters and without underscores: types of values
/// stand between the two parts.
const CALLS: [(&str, &str); 6] = [
    ("get", "value"),
    ("get", "details"),
    ("use", "flagvalue"),
    ("use", "flagdetails"),
    (".", ""),
    (".", "details"),
];
const TYPES: [&str; 8] = ["boolean", "bool", "string", "integer", "int", "float", "number", "object"];

/// A place that names a flag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    pub flag: String,
    /// The line, shortened.
    pub snippet: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub places: Vec<Place>,
    /// Places that ask for a flag that there is not.
    pub unknown: Vec<Place>,
}

/// Finds flags of these keys, each once a line.
pub fn scan(text: &str, keys: &HashSet<String>) -> Found {
    let mut found = Found::default();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| line.len() <= MAX_LINE_BYTES) {
        let mut known: Vec<&str> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        for (before, literal) in literals(line) {
            let own: Vec<&str> = named(literal, keys).collect();
            if own.is_empty() && is_asked_for(before) && is_key(literal) {
                unknown.push(literal);
            }
            known.extend(own);
        }
        let place = |flag: &str| Place { line: n + 1, flag: flag.to_owned(), snippet: snippet(line) };
        for (all, places) in [(known, &mut found.places), (unknown, &mut found.unknown)] {
            let all: std::collections::BTreeSet<&str> = all.into_iter().collect();
            places.extend(all.into_iter().map(place));
        }
    }
    found
}

/// What stands between quotes of a kind, with all that is before.
fn literals(line: &str) -> impl Iterator<Item = (&str, &str)> {
    QUOTES.into_iter().flat_map(move |quote| {
        let at: Vec<usize> = line.match_indices(quote).map(|(at, _)| at).collect();
        let pairs: Vec<_> = at.windows(2).map(|pair| (pair[0], pair[1])).collect();
        pairs.into_iter().map(move |(from, to)| (&line[..from], &line[from + 1..to]))
    })
}

/// The keys that a literal names.
fn named<'l>(literal: &'l str, keys: &HashSet<String>) -> impl Iterator<Item = &'l str> {
    let is_part = |letter: char| letter.is_alphanumeric() || ['-', '_', '.'].contains(&letter);
    let words = literal.split(move |letter| !is_part(letter)).map(|word| word.trim_matches(['-', '_', '.']));
    let words = words.filter(move |word| *word != literal && word.contains(['-', '_', '.']));
    [literal].into_iter().chain(words).filter(|word| keys.contains(*word))
}

/// Whether a call that asks for a flag has just been opened.
fn is_asked_for(before: &str) -> bool {
    let Some(call) = before.trim_end().strip_suffix('(') else { return false };
    let begins = call.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
    // With the dot before it, where there is one.
    let dot = if call[..begins].ends_with('.') { "." } else { "" };
    let name = format!("{dot}{}", call[begins..].replace('_', "").to_lowercase());
    CALLS.iter().any(|(before, after)| {
        let inner = name.strip_prefix(before).or_else(|| name.strip_prefix('.')?.strip_prefix(before));
        inner.and_then(|inner| inner.strip_suffix(after)).is_some_and(|inner| TYPES.contains(&inner))
    })
}

/// Whether it could be a key that somebody made.
fn is_key(literal: &str) -> bool {
    literal.len() <= 128
        && literal.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && literal.chars().all(|letter| letter.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&letter))
}

fn snippet(line: &str) -> String {
    let line: String =
        line.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    line[..line.floor_char_boundary(MAX_SNIPPET_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Found {
        let keys = ["resale-guard", "limit", "new.checkout", "Gates open / all"];
        scan(text, &keys.iter().map(ToString::to_string).collect())
    }

    fn flags(text: &str) -> Vec<(usize, String)> {
        found(text).places.into_iter().map(|own| (own.line, own.flag)).collect()
    }

    #[test]
    fn keys_are_found_between_quotes_of_any_kind_and_once_a_line() {
        let text = "client.boolean(\"resale-guard\", &context, false)\nuse('limit')\n\n`new.checkout` \"new.checkout\"\n";
        let expected = [(1, "resale-guard"), (2, "limit"), (4, "new.checkout")];
        assert_eq!(flags(text), expected.map(|(line, flag)| (line, flag.to_owned())));
        for text in [
            "let quote = '\"'; ask(\"resale-guard\")",
            "fn f<'a>(x: &'a str) { ask(\"resale-guard\") }",
            "\"see resale-guard.\"",
            "\"flags/resale-guard\"",
            "they don't ask 'resale-guard'",
        ] {
            assert_eq!(flags(text), [(1, "resale-guard".to_owned())], "{text}");
        }
        assert_eq!(flags("ask(\"Gates open / all\")").len(), 1, "an imported key may be any text");
    }

    #[test]
    fn what_only_looks_like_a_key_is_none() {
        for text in [
            "resale-guard",
            "\"resale-guards\"",
            "\"old-resale-guard\"",
            "\"resale-guard-2\"",
            "\"no limit here\"",
            "\"Limit\"",
        ] {
            assert_eq!(flags(text), [], "{text}");
        }
        assert_eq!(flags(&format!("\"limit\"{}", " ".repeat(MAX_LINE_BYTES))), []);
    }

    #[test]
    fn a_call_that_asks_for_a_flag_that_is_not_there_is_told() {
        let unknown = |text: &str| found(text).unknown.into_iter().map(|own| own.flag).collect::<Vec<_>>();
        for text in [
            "client.boolean(\"resale-gaurd\", &context, false)",
            "client.getBooleanValue('resale-gaurd', false)",
            "client.get_string_details(\"resale-gaurd\", \"\")",
            "const { value } = useBooleanFlagValue(`resale-gaurd`, false)",
            "client.integer_details( \"resale-gaurd\", &context, 1)",
        ] {
            assert_eq!(unknown(text), ["resale-gaurd"], "{text}");
        }
        for text in [
            "client.boolean(\"resale-guard\", false)",
            "print(\"resale-gaurd\")",
            "z.boolean(\"must be true\")",
            "string(\"x\")",
        ] {
            assert!(unknown(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn snippets_are_short_and_of_one_line() {
        let text = format!("\t\"limit\"\u{1b}[31m {}", "é".repeat(300));
        let own = &found(&text).places[0];
        assert!(
            own.snippet.len() <= MAX_SNIPPET_BYTES && own.snippet.starts_with("\"limit\" [31m"),
            "{own:?}"
        );
    }
}
