//! Somebody who is shown what was asked and answered, and has no say in it.

use actix_web::HttpRequest;

use crate::{auth, surface::Surface};

/// A question that was answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it was asked, with its query.
    pub path: String,
    /// The secret it was asked with. Not to be shown.
    pub secret: String,
    /// What was asked.
    pub question: Vec<u8>,
    /// What was answered, as JSON.
    pub answer: Vec<u8>,
}

/// The header of a question that is asked once more, only to compare: it is shown to nobody.
pub const ASKED_AGAIN: &str = "usher-asked-again";

/// Who is shown answers.
pub trait Onlooker: Send + Sync + 'static {
    /// Whether it wants to see the next one: it may look at a share of them only.
    fn looks(&self) -> bool;

    /// Shows it one. Whoever asked waits for that.
    fn see(&self, seen: Seen);
}

/// Shows an answer to whoever looks on, if anybody does.
pub(crate) fn show(surface: &Surface, request: &HttpRequest, question: &[u8], answer: &[u8]) {
    let Some(onlooker) = surface.onlooker.as_ref().filter(|onlooker| onlooker.looks()) else { return };
    if request.headers().contains_key(ASKED_AGAIN) {
        return;
    }
    let Some(secret) = auth::sdk_secret(request) else { return };
    onlooker.see(Seen {
        // With what was asked for beside the body: in which schema, for one.
        path: request.uri().path_and_query().map_or(request.path(), |asked| asked.as_str()).to_owned(),
        secret: secret.to_owned(),
        question: question.to_vec(),
        answer: answer.to_vec(),
    });
}
