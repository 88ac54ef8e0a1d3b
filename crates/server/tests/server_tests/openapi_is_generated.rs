//! The OpenAPI document that the web UI's client is generated from is the one that the code gives.

use std::{fs, path::Path};

use usher_server::openapi::Api;
use utoipa::OpenApi;

#[test]
#[allow(clippy::unwrap_used)]
fn the_file_of_the_web_ui_is_what_the_code_gives() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-ui/openapi.json");
    let generated = Api::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&file, &generated).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == generated,
        "web-ui/openapi.json is not what the code gives: run `UPDATE_OPENAPI=1 cargo test -p usher-server --test openapi_is_generated`"
    );
}
