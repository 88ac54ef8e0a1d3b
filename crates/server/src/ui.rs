//! The web UI, embedded: compressed when it was built, cached for ever where names carry a hash.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY},
};
use rust_embed::RustEmbed;

use crate::etag;

#[derive(RustEmbed)]
#[folder = "../../web-ui/dist"]
struct Files;

const INDEX: &str = "index.html";

/// Any path that nothing else answers: a file of the UI, or its page, which finds its own way.
pub(crate) async fn file(request: HttpRequest) -> HttpResponse {
    let path = request.path().trim_start_matches('/');
    let is_file = is_file(path);
    let name = if is_file { path } else { INDEX };
    if Files::get(name).is_none() {
        return if is_file { HttpResponse::NotFound().finish() } else { not_built() };
    }
    let accepted =
        request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(encoding, ending)| {
        accepted
            .contains(encoding)
            .then(|| Some((Files::get(&format!("{name}{ending}"))?, Some(encoding))))?
    });
    let Some((file, encoding)) = encoded.or_else(|| Some((Files::get(name)?, None))) else {
        return not_built();
    };
    let tag = format!("\"{}\"", crate::auth::secret::hex(&file.metadata.sha256_hash()));
    if etag::matches(&request, &tag) {
        return etag::not_modified(&tag);
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, content_type(name)));
    response.insert_header((VARY, "Accept-Encoding"));
    response.insert_header((ETAG, tag));
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.insert_header((CACHE_CONTROL, cache));
    if let Some(encoding) = encoding {
        response.insert_header((CONTENT_ENCODING, encoding));
    }
    response.body(file.data.into_owned())
}

/// Whether a path is that of a file. Deeper ones are pages, but for the assets: `flags/checkout.v2` is a flag's.
fn is_file(path: &str) -> bool {
    path.starts_with("assets/") || (path.contains('.') && !path.contains('/'))
}

fn not_built() -> HttpResponse {
    let text = "The web UI is not part of this build: run `make ui` and build again.\n";
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body(text)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_with_a_dot_in_its_name_has_a_page() {
        for page in ["", "board", "flags", "flags/always", "flags/checkout.v2", "flags/a%2Fb.c"] {
            assert!(!is_file(page), "{page}");
        }
        for file in ["favicon.svg", "index.html", "assets/index-1a2b.js", "assets/none"] {
            assert!(is_file(file), "{file}");
        }
    }
}
