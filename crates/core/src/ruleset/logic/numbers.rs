//! Numbers in texts and texts of numbers, as JavaScript has them (ECMA-262, `Number`, `parseFloat`).

use std::fmt::Write;

/// The number that the whole of a text spells; NaN for one that spells none. Nothing but space is 0.
pub(super) fn number(text: &str) -> f64 {
    let text = trimmed(text);
    if text.is_empty() {
        return 0.0;
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0b").or_else(|| text.strip_prefix("0B")) {
        return radix(digits, 2);
    }
    if let Some(digits) = text.strip_prefix("0o").or_else(|| text.strip_prefix("0O")) {
        return radix(digits, 8);
    }
    let end = decimal_end(text);
    if end == text.len() { decimal(text) } else { f64::NAN }
}

/// The number that a text begins with; NaN for one that begins with none.
pub(super) fn leading_number(text: &str) -> f64 {
    let text = trimmed(text);
    match decimal_end(text) {
        0 => f64::NAN,
        end => decimal(&text[..end]),
    }
}

/// Writes a number as JavaScript does, but never with an exponent, which flagd's engine does not use either.
pub(super) fn write(number: f64, out: &mut String) {
    // Writing into a text can't fail.
    let _ = match number {
        _ if number.is_nan() => out.write_str("NaN"),
        _ if number.is_infinite() => out.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" }),
        0.0 => out.write_char('0'),
        _ => write!(out, "{number}"),
    };
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}')
}

/// Digits of a base that is a power of two; beyond 2⁵³ they are rounded at the end only.
fn radix(digits: &str, base: u32) -> f64 {
    let mut value = 0.0;
    for digit in digits.chars() {
        match digit.to_digit(base) {
            Some(digit) => value = value * f64::from(base) + f64::from(digit),
            None => return f64::NAN,
        }
    }
    if digits.is_empty() { f64::NAN } else { value }
}

/// Where the decimal number that a text begins with ends; 0 for none.
fn decimal_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    if text[sign..].starts_with("Infinity") {
        return sign + "Infinity".len();
    }
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        match digits((end + 1 + sign).min(bytes.len())) {
            0 => {}
            exponent => end += 1 + sign + exponent,
        }
    }
    end
}

/// What [`decimal_end`] has marked off. Rust reads the same forms.
fn decimal(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        let whole: &[(&str, f64)] = &[
            ("", 0.0),
            (" \u{A0}\n", 0.0),
            ("12", 12.0),
            (" 1.5 ", 1.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("+1e3", 1000.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("0o17", 15.0),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ];
        for (text, expected) in whole {
            assert_eq!(number(text).to_bits(), expected.to_bits(), "{text:?}");
        }
        for text in
            ["abc", "12a", "1e", "1e+", ".", "+", "-", "inf", "nan", "1_000", "-0x1F", "0x", "0xg", "1,5"]
        {
            assert!(number(text).is_nan(), "{text:?}");
        }
        for (text, expected) in [("12px", 12.0), ("3.9.1", 3.9), ("1e", 1.0), ("1e+", 1.0), ("0x1F", 0.0)] {
            assert_eq!(leading_number(text).to_bits(), f64::to_bits(expected), "{text:?}");
        }
        assert!(["", "px", ".", "-"].iter().all(|text| leading_number(text).is_nan()));
    }

    #[test]
    fn numbers_are_written_plainly() {
        let texts: Vec<String> = [1.0, -0.0, 1.5, 1e21, 1e-7, f64::NAN, f64::NEG_INFINITY]
            .into_iter()
            .map(|number| {
                let mut text = String::new();
                write(number, &mut text);
                text
            })
            .collect();
        let expected = ["1", "0", "1.5", "1000000000000000000000", "0.0000001", "NaN", "-Infinity"];
        assert_eq!(texts, expected);
    }
}
