//! What the value of a constraint spells. Unleash's engine goes by its shape, whatever the operator: `SEMVER_GT` of
//! `1.2` compares numbers.
//!
//! Source: the grammar of strategies in Yggdrasil.

use semver::Version;
use serde_json::Number;

use crate::model::Timestamp;

/// Whole numbers below this are the same in double precision.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value that others are compared with.
pub(super) enum Literal {
    Date { text: String, time: Timestamp },
    Version(String),
    Number(Number),
}

/// Why a value is none.
pub(super) enum Unread {
    /// Unleash's engine can't read it either.
    There,
    /// It can, but Usher can't.
    Here(&'static str),
}

impl Literal {
    pub(super) fn read(text: &str) -> Result<Self, Unread> {
        let text = text.trim_matches([' ', '\t']);
        if is_date(text) {
            return date(text);
        }
        if let Some(version) = version(text) {
            return version;
        }
        if !is_number(text) {
            return Err(Unread::There);
        }
        let number: f64 = text.parse().map_err(|_| Unread::There)?;
        #[allow(clippy::cast_possible_truncation)] // Whole and small enough.
        let whole = (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64);
        let number = whole.map(Number::from).or_else(|| Number::from_f64(number));
        number.map(Self::Number).ok_or(Unread::Here("its value is too large a number"))
    }
}

/// Whether Unleash's engine reads a text back that it writes between quotes as it is. One that ends in a backslash takes
/// the quote behind it along.
pub(super) fn is_readable(text: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match rest.strip_prefix("\\\"") {
            Some(behind) => behind,
            None if c == '"' || rest == "\\" => return false,
            None => &rest[c.len_utf8()..],
        };
    }
    true
}

/// `2022-01-29T13:00:00.000+02:00`, with three digits behind the point or none.
fn is_date(text: &str) -> bool {
    let start = "dddd-dd-ddTdd:dd:dd";
    let Some((moment, rest)) = text.split_at_checked(start.len()) else { return false };
    let rest = rest.strip_prefix('.').map_or(Some(rest), |rest| {
        let (fraction, zone) = rest.split_at_checked(3)?;
        fits(fraction, "ddd").then_some(zone)
    });
    fits(moment, start)
        && rest.is_some_and(|zone| zone == "Z" || (zone.starts_with(['+', '-']) && fits(&zone[1..], "dd:dd")))
}

/// Whether a text has the shape: `d` is a digit, everything else itself.
fn fits(text: &str, shape: &str) -> bool {
    let same = |(own, shape): (u8, u8)| if shape == b'd' { own.is_ascii_digit() } else { own == shape };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(same)
}

fn date(text: &str) -> Result<Literal, Unread> {
    // Seconds stand at a fixed place, and a zone is at most a day away.
    if text.get(17..19) == Some("60") {
        return Err(Unread::Here("its value is a leap second"));
    }
    let zone = text.strip_suffix('Z').map_or_else(|| text.get(text.len() - 5..), |_| Some("00:00"));
    let is_zone =
        zone.is_some_and(|zone| zone < "24:00" && zone.get(3..).is_some_and(|minutes| minutes < "60"));
    match text.parse::<Timestamp>() {
        Ok(time) if is_zone => Ok(Literal::Date { text: text.to_owned(), time }),
        _ => Err(Unread::There),
    }
}

/// `None` for what does not begin as a version: three numbers.
fn version(text: &str) -> Option<Result<Literal, Unread>> {
    let mut rest = text;
    for point in [true, true, false] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest = rest.get(digits..).filter(|_| digits > 0)?;
        if point {
            rest = rest.strip_prefix('.')?;
        }
    }
    Some(match Version::parse(text) {
        Ok(_) => Ok(Literal::Version(text.to_owned())),
        Err(_) => Err(Unread::There),
    })
}

/// `-12`, `12.`, `1.5e+3`; digits always come first.
fn is_number(text: &str) -> bool {
    fn whole(text: &str) -> Option<&str> {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text.get(digits..).filter(|_| digits > 0)
    }
    let Some(rest) = whole(text) else { return false };
    let rest =
        rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => whole(exponent) == Some(""),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Literal::read(text) {
            Ok(Literal::Date { time, .. }) => format!("date {time}"),
            Ok(Literal::Version(text)) => format!("version {text}"),
            Ok(Literal::Number(number)) => format!("number {number}"),
            Err(Unread::There) => "nothing".to_owned(),
            Err(Unread::Here(why)) => why.to_owned(),
        }
    }

    #[test]
    fn a_text_is_readable_unless_its_quotes_are_not_its_own() {
        for (text, readable) in [
            ("", true),
            ("a", true),
            (r"a\b", true),
            (r#"a\"b"#, true),
            (r#"a"b"#, false),
            (r"a\", false),
            (r"\\", false),
        ] {
            assert_eq!(is_readable(text), readable, "{text}");
        }
    }

    #[test]
    fn a_value_is_what_its_shape_says() {
        for (text, is) in [
            ("2022-01-29T13:00:00.000Z", "date 2022-01-29T13:00:00.000Z"),
            (" 2022-01-29T13:00:00-02:30\t", "date 2022-01-29T15:30:00.000Z"),
            ("2022-01-29T13:00:00.5Z", "nothing"),
            ("2022-01-29t13:00:00Z", "nothing"),
            ("2022-13-29T13:00:00Z", "nothing"),
            ("2022-01-29T13:00:00+24:00", "nothing"),
            ("2016-12-31T23:59:60Z", "its value is a leap second"),
            ("2022-01-29", "nothing"),
            ("1.2.3", "version 1.2.3"),
            ("1.2.3-rc.1+b", "version 1.2.3-rc.1+b"),
            ("01.2.3", "nothing"),
            ("1.2.3.4", "nothing"),
            ("v1.2.3", "nothing"),
            ("1.2", "number 1.2"),
            ("12", "number 12"),
            ("+12.", "number 12"),
            ("-1.5E+1", "number -15"),
            ("9007199254740993", "number 9007199254740992.0"),
            ("1e400", "its value is too large a number"),
            (".5", "nothing"),
            ("1e", "nothing"),
            ("inf", "nothing"),
            ("", "nothing"),
            ("é", "nothing"),
        ] {
            assert_eq!(shown(text), is, "{text:?}");
        }
    }
}
