//! The bindings' tests from Rust, as one binary. What only another language can show is tested there.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_client_does_what_a_phone_needs;
mod a_scanner_in_c_is_served;
mod listeners_are_told_on_a_thread_of_their_own;
#[allow(dead_code, unused_imports)] // Parts of it.
#[path = "../../../rust/tests/sdk_tests/support/mod.rs"]
mod support;
mod the_header_is_in_step;
mod what_is_signed_is_passed_on;

use usher_ffi::{AttributeValue, Config, ConnectionState, FlagContext, FlagsClient};

/// A context at a venue.
fn at(venue: &str, who: &str) -> FlagContext {
    let attributes = [("appVersion".to_owned(), AttributeValue::Text { value: "3.2.0".to_owned() })];
    FlagContext {
        targeting_key: Some(who.to_owned()),
        venue: Some(venue.to_owned()),
        attributes: attributes.into(),
    }
}

fn config(url: &str, key: &str) -> Config {
    Config {
        url: url.to_owned(),
        key: key.to_owned(),
        context: Some(at("anfield", "u-1")),
        ..Config::default()
    }
}

async fn live(client: &FlagsClient) {
    support::eventually("it is live", async || client.status().state == ConnectionState::Live).await;
}
