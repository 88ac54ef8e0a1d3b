//! The OpenAPI document from which the web UI's client is made is the one that this server generates.

use std::path::Path;

use usher_server::{auth::rights::RIGHTS, openapi::Api};
use utoipa::OpenApi;

#[test]
fn the_web_ui_has_todays_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-ui/openapi.json");
    let generated = format!("{}\n", Api::openapi().to_pretty_json().unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == generated,
        "web-ui/openapi.json is not what the server generates: run `UPDATE_OPENAPI=1 cargo test -p usher-server \
         --test openapi_is_generated`, then `npm --prefix web-ui run api`"
    );
}

#[test]
fn every_route_has_rights_and_every_right_has_a_route() {
    let document = serde_json::to_value(Api::openapi()).unwrap();
    let mut routes: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
        })
        // The document does not describe itself.
        .chain([("GET".to_owned(), "/api/v1/openapi.json".to_owned())])
        .collect();
    let mut rights: Vec<(String, String)> =
        RIGHTS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    routes.sort();
    rights.sort();
    assert_eq!(routes, rights);
}
