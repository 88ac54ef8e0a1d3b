//! JSONLogic in words: what an imported condition asks, and what the context had for it.

use serde_json::Value;

use super::matching::Scope;
use crate::{model::Condition, ruleset::Source};

/// Longest sentence, in characters; an expression may be as long as a document.
const MAX_SENTENCE: usize = 400;
/// Values shown of a long list, and attributes shown with what they were.
const SHOWN: usize = 5;

/// The expression as a sentence without its end, and the attributes that it asks for: "plan equals “pro” — plan is
/// “free”".
pub(super) fn sentence(scope: &Scope<'_, '_>, condition: &Condition, logic: &Value) -> String {
    let mut words = Words { text: String::new(), full: false };
    words.expression(logic, false);
    if words.full {
        words.text.push('…');
    }
    let mut seen: Vec<&str> = Vec::new();
    condition.each_attribute(&mut |name| {
        if !name.is_empty() && !name.starts_with("$flagd") && !seen.contains(&name) && seen.len() <= SHOWN {
            seen.push(name);
        }
    });
    let more = if seen.len() > SHOWN { ", …" } else { "" };
    let was = seen.iter().take(SHOWN).map(|name| match scope.find(&Source::new(name)) {
        Some(value) => format!("{name} is “{value}”"),
        None => format!("{name} is missing"),
    });
    let was: Vec<String> = was.collect();
    if was.is_empty() { words.text } else { format!("{} — {}{more}", words.text, was.join(", ")) }
}

/// A sentence that grows until it is long enough.
struct Words {
    text: String,
    full: bool,
}

impl Words {
    fn push(&mut self, text: &str) {
        if !self.full {
            self.text.push_str(text);
        }
        // Counted in bytes first: characters are counted once it may matter.
        if self.text.len() > MAX_SENTENCE
            && let Some((end, _)) = self.text.char_indices().nth(MAX_SENTENCE)
        {
            self.text.truncate(end);
            self.full = true;
        }
    }

    /// `inner`: it is a part of another expression, and may need brackets.
    fn expression(&mut self, logic: &Value, inner: bool) {
        if self.full {
            return;
        }
        match logic {
            Value::Null => self.push("nothing"),
            Value::String(text) => {
                self.push("“");
                self.push(text);
                self.push("”");
            }
            Value::Array(values) => self.list(values, ", "),
            Value::Object(fields) => match fields.iter().next() {
                Some((operator, Value::Array(given))) => self.operation(operator, given, inner),
                Some((operator, single)) => self.operation(operator, std::slice::from_ref(single), inner),
                None => self.push("nothing"),
            },
            scalar => self.push(&scalar.to_string()),
        }
    }

    fn list(&mut self, values: &[Value], between: &str) {
        for (n, value) in values.iter().take(SHOWN).enumerate() {
            if n > 0 {
                self.push(between);
            }
            self.expression(value, true);
        }
        if values.len() > SHOWN {
            self.push(&format!(" and {} more", values.len() - SHOWN));
        }
    }

    /// All of `parts` with a word between any two, in brackets where they are a part of another expression.
    fn joined(&mut self, parts: &[Value], word: &str, inner: bool) {
        self.bracketed(inner && parts.len() > 1, |words| {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    words.push(word);
                }
                words.expression(part, true);
            }
        });
    }

    fn bracketed(&mut self, brackets: bool, say: impl FnOnce(&mut Self)) {
        if brackets {
            self.push("(");
        }
        say(self);
        if brackets {
            self.push(")");
        }
    }

    fn operation(&mut self, operator: &str, given: &[Value], inner: bool) {
        match (operator, given) {
            ("var", given) => self.variable(given),
            ("!", [only]) => {
                self.push("not ");
                self.expression(only, true);
            }
            ("!!", [only]) => self.expression(only, inner),
            ("and", parts) => self.joined(parts, " and ", inner),
            ("or", parts) => self.joined(parts, " or ", inner),
            ("if" | "?:", parts) => self.choice(parts, inner),
            ("in", [needle, Value::Array(values)]) => self.bracketed(inner, |words| {
                words.expression(needle, true);
                words.push(if values.len() == 1 { " is " } else { " is one of " });
                words.list(values, ", ");
            }),
            ("in", [needle, haystack]) => {
                self.joined(&[haystack.clone(), needle.clone()], " contains ", inner);
            }
            ("<" | "<=", [low, middle, high]) => self.bracketed(inner, |words| {
                words.expression(middle, true);
                words.push(if operator == "<" { " is between " } else { " is from " });
                words.expression(low, true);
                words.push(if operator == "<" { " and " } else { " to " });
                words.expression(high, true);
            }),
            ("sem_ver", [version, Value::String(how), other]) => {
                self.joined(&[version.clone(), other.clone()], sem_ver(how), inner);
            }
            ("min" | "max", parts) => {
                self.push(if operator == "min" { "the least of " } else { "the greatest of " });
                self.joined(parts, ", ", true);
            }
            ("-", [only]) => {
                self.push("minus ");
                self.expression(only, true);
            }
            ("substr", [text, ..]) => {
                self.push("a part of ");
                self.expression(text, true);
            }
            ("missing", names) => self.missing("one of ", names, " is missing"),
            ("missing_some", [needed, Value::Array(names)]) => {
                self.missing("fewer than ", std::slice::from_ref(needed), " of ");
                self.missing("", names, " are there");
            }
            ("all" | "none" | "some", [list, test]) => {
                self.push(match operator {
                    "all" => "each of ",
                    "none" => "none of ",
                    _ => "one of ",
                });
                self.expression(list, true);
                self.push(" has that ");
                self.expression(test, true);
            }
            ("fractional" | "fractionalCbor", [key, parts @ ..]) => self.bracketed(inner, |words| {
                words.push("the draw by ");
                words.expression(key, true);
                words.push(" of ");
                words.list(parts, "; ");
            }),
            (operator, parts) => match between(operator) {
                Some(word) => self.joined(parts, word, inner),
                None => {
                    self.push(operator);
                    self.push(" of ");
                    self.list(parts, ", ");
                }
            },
        }
    }

    fn variable(&mut self, given: &[Value]) {
        match given.first() {
            Some(Value::String(name)) if name == "$flagd.timestamp" => self.push("the time in seconds"),
            Some(Value::String(name)) if !name.is_empty() => self.push(name),
            Some(Value::Number(number)) => self.push(&number.to_string()),
            _ => self.push("it"),
        }
        if let Some(default) = given.get(1) {
            self.push(", or else ");
            self.expression(default, true);
        }
    }

    fn choice(&mut self, parts: &[Value], inner: bool) {
        self.bracketed(inner, |words| {
            for (n, pair) in parts.chunks(2).enumerate() {
                match pair {
                    [condition, then] => {
                        words.push(if n == 0 { "if " } else { ", else if " });
                        words.expression(condition, true);
                        words.push(" then ");
                        words.expression(then, true);
                    }
                    [otherwise] => {
                        words.push(if n == 0 { "" } else { ", else " });
                        words.expression(otherwise, true);
                    }
                    _ => {}
                }
            }
        });
    }

    fn missing(&mut self, before: &str, names: &[Value], after: &str) {
        self.push(before);
        let names = match names {
            [Value::Array(listed)] => listed.as_slice(),
            several => several,
        };
        for (n, name) in names.iter().take(SHOWN).enumerate() {
            self.push(if n > 0 { ", " } else { "" });
            match name {
                Value::String(name) => self.push(name),
                other => self.push(&other.to_string()),
            }
        }
        self.push(if names.len() > SHOWN { ", …" } else { "" });
        self.push(after);
    }
}

/// The word that stands between the operands of an operator.
fn between(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "==" => " equals ",
        "===" => " is exactly ",
        "!=" => " does not equal ",
        "!==" => " is not exactly ",
        "<" => " is below ",
        "<=" => " is at most ",
        ">" => " is above ",
        ">=" => " is at least ",
        "+" => " plus ",
        "-" => " minus ",
        "*" => " times ",
        "/" => " divided by ",
        "%" => " modulo ",
        "cat" => " followed by ",
        "merge" => " with ",
        "starts_with" => " starts with ",
        "ends_with" => " ends with ",
        _ => return None,
    })
}

fn sem_ver(how: &str) -> &'static str {
    match how {
        "=" => " is version ",
        "!=" => " is another version than ",
        "<" => " is older than version ",
        "<=" => " is at most version ",
        ">" => " is newer than version ",
        ">=" => " is at least version ",
        "^" => " has the same major version as ",
        "~" => " has the same minor version as ",
        _ => " compares in no known way with version ",
    }
}
