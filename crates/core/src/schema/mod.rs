//! Payload schemas: how documents and values are written on the wire, and what leads from one schema to the next.
//!
//! Every version of Usher reads and writes the newest schema that it knows and the one before, so that servers, edges and
//! apps are updated in any order; apps that can't be updated before the doors open go on. The adapters between
//! neighbours are pure functions, in both directions: [`documents`] for rulesets, [`values`] for values mode. They
//! never fail as a whole: what can't be adapted is passed on as it is, and makes its one flag fall back where it is read.
//!
//! **Schema 2** is what a phone and a gate need, and no more: values are short lists instead of objects, and documents
//! come without what only people read (descriptions, owners, tags, dates). It knows flags that state a
//! [`minimum_schema`](crate::model::Flag::minimum_schema) and cohorts that say whose [`claims`](crate::model::Cohort::claims)
//! they take.

pub mod disk;
pub mod documents;
pub mod values;

/// The newest schema that this version knows.
pub const NEWEST: u32 = 2;
/// The one before: the oldest that it knows. What is kept on disk is of this one, so that an app that is put back to the
/// version before finds its flags.
pub const OLDEST: u32 = 1;
/// All that it knows, newest first: what a `hello` offers.
pub const SPOKEN: [u32; 2] = [NEWEST, OLDEST];

/// The schema that two sides speak who offer these: the newest that both know. Those that are newer still are passed
/// over. `None` where there is none.
#[must_use]
pub fn negotiate(offered: &[u32]) -> Option<u32> {
    SPOKEN.into_iter().find(|own| offered.contains(own))
}

/// Whether this version reads a schema.
#[must_use]
pub fn is_spoken(schema: u32) -> bool {
    SPOKEN.contains(&schema)
}

/// What `?schemas=` of a request offers: numbers with commas between; [`OLDEST`] where it is not there, as by those who
/// do not know of it.
///
/// # Errors
/// Something that is no number.
pub fn offered(parameter: Option<&str>) -> Result<Vec<u32>, std::num::ParseIntError> {
    parameter.map_or(Ok(vec![OLDEST]), |text| text.split(',').map(|one| one.trim().parse()).collect())
}

/// Why two sides have no schema in common, and what to do.
#[must_use]
pub fn nothing_in_common(offered: &[u32]) -> String {
    let listed = |all: &[u32]| all.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let (theirs, ours) = (listed(offered), listed(&SPOKEN));
    let mend = match offered.iter().max() {
        Some(newest) if *newest < OLDEST => "update the app, or its SDK",
        Some(_) => "update the server, or this edge",
        None => "offer some of these as `schemas`",
    };
    format!("Schemas {theirs} are offered, and {ours} are spoken here: {mend}.")
}

/// How documents are written for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Schema 1, for an SDK. Who has it has a server key, is believed, and need not know whose claims a cohort takes.
    One,
    /// Schema 1, for an edge: it serves phones, so a cohort that it can't guard is one that it does not understand, and
    /// nobody is in it there. That is what edges of that age make of such a cohort; with those that know `claims` it is
    /// as with any other field: flags that depend on what they don't understand fall back.
    OneOfEdges,
    /// Schema 2.
    Two,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::One, Self::OneOfEdges, Self::Two];

    /// The form of a schema, for an SDK or an edge.
    #[must_use]
    pub fn of(schema: u32, is_edge: bool) -> Self {
        match (schema, is_edge) {
            (OLDEST, false) => Self::One,
            (OLDEST, true) => Self::OneOfEdges,
            _ => Self::Two,
        }
    }

    /// Its schema.
    #[must_use]
    pub fn schema(self) -> u32 {
        match self {
            Self::One | Self::OneOfEdges => OLDEST,
            Self::Two => NEWEST,
        }
    }

    /// Its place in [`Form::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::One => 0,
            Self::OneOfEdges => 1,
            Self::Two => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_both_know_is_spoken() {
        for (offered, spoken) in [
            (&[1][..], Some(1)),
            (&[2], Some(2)),
            (&[1, 2], Some(2)),
            (&[3, 2], Some(2)),
            (&[9, 1, 3], Some(1)),
            (&[3], None),
            (&[0], None),
            (&[], None),
        ] {
            assert_eq!(negotiate(offered), spoken, "{offered:?}");
        }
    }

    #[test]
    fn who_has_nothing_in_common_is_told_what_to_update() {
        assert!(
            nothing_in_common(&[3, 4])
                .contains("3, 4 are offered, and 2, 1 are spoken here: update the server")
        );
        assert!(nothing_in_common(&[0]).contains("update the app"));
        assert!(nothing_in_common(&[]).contains("offer some"));
    }

    #[test]
    fn what_a_request_offers_is_read() {
        assert_eq!(offered(None).unwrap(), [1]);
        assert_eq!(offered(Some("1, 2")).unwrap(), [1, 2]);
        assert!(offered(Some("two")).is_err() && offered(Some("")).is_err() && offered(Some("-1")).is_err());
    }

    #[test]
    fn every_form_has_its_place() {
        for (n, form) in Form::ALL.into_iter().enumerate() {
            assert_eq!((form.index(), is_spoken(form.schema())), (n, true));
        }
        assert_eq!(
            [Form::of(1, false), Form::of(1, true), Form::of(2, false), Form::of(2, true)].map(Form::index),
            [0, 1, 2, 2]
        );
    }
}
