//! Values mode: who the values are asked for, which may change while answers are on their way.

use serde_json::Value;
use usher_core::{Context, signed_context::ATTRIBUTE};

use crate::token::Token;

/// Who the values are asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Counts the contexts: values that were made for an earlier one are not published any more.
    pub(crate) generation: u64,
    /// The context, as the server reads it.
    pub(crate) context: Value,
    /// Whom the values are kept for on disk: a person's other attributes change, and are no other person.
    pub(crate) person: Option<String>,
    /// The context as the program said it.
    said: Context,
    /// What a backend has signed.
    token: Option<Token>,
}

impl Asked {
    /// A context, with the venue that the client was built for, and what a backend has signed.
    pub(crate) fn new(generation: u64, said: &Context, venue: Option<&str>, token: Option<Token>) -> Self {
        let mut json = said.to_json();
        if let Some(fields) = json.as_object_mut() {
            if let Some(venue) = venue {
                fields.entry("venue").or_insert_with(|| venue.into());
            }
            if let Some(token) = &token {
                fields.insert(ATTRIBUTE.to_owned(), (*token.text).into());
            }
        }
        let person = match &token {
            // What is signed is who they are.
            Some(token) => token.person(),
            None => said.targeting_key(),
        };
        let person = person.map(ToOwned::to_owned);
        Self { generation, context: json, person, said: said.clone(), token }
    }

    /// What is to be asked next: with another context, or another signature, or both.
    pub(crate) fn next(&self, change: Next<'_>, venue: Option<&str>) -> Self {
        let token = |text: Option<&str>| text.map(Token::new);
        let (said, token) = match change {
            Next::Context(said) => (said, self.token.clone()),
            Next::Signed(text) => (&self.said, token(text)),
            Next::Both(said, text) => (said, token(text)),
        };
        Self::new(self.generation + 1, said, venue, token)
    }

    /// The same, asked for as an earlier one was.
    pub(crate) fn in_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// Whether this only renews the signature of `before`: the answers are the same.
    pub(crate) fn only_renews(&self, before: &Self) -> bool {
        let same = |(one, other): (&Token, &Token)| one.says_the_same(other);
        self.said == before.said && self.token.as_ref().zip(before.token.as_ref()).is_some_and(same)
    }
}

/// What is asked otherwise from now on.
pub(crate) enum Next<'a> {
    /// For another context.
    Context(&'a Context),
    /// With another signed context, or none.
    Signed(Option<&'a str>),
    /// Both.
    Both(&'a Context, Option<&'a str>),
}
