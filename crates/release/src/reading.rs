//! What a guard says at one look.

use usher_core::model::VenueKey;

/// What a guard says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// All is well, and enough was seen to say so.
    Well(String),
    /// Nothing is wrong, but too little was seen to promote on it.
    Early(String),
    /// It hurts. Where, if that is known.
    Breached {
        /// What was seen, in a sentence.
        reason: String,
        /// The venues where it was seen; none when it does not tell venues apart.
        venues: Vec<VenueKey>,
    },
    /// Nothing is known: no counts, no answer.
    Unknown {
        /// Why, in a sentence.
        reason: String,
        /// For how long, in milliseconds.
        millis: i64,
    },
}
