//! What guards ask outside: real servers that answer well, badly, late or not at all.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

/// What the world outside does just now.
#[derive(Clone, Default)]
pub struct World(Arc<AtomicUsize>);

pub const BAD: usize = 1;
pub const SILENT: usize = 2;
pub const BROKEN: usize = 3;

impl World {
    pub fn is(&self, what: usize) {
        self.0.store(what, Ordering::SeqCst);
    }

    /// A Prometheus, a checkout and a webhook, on a free port.
    pub fn start(&self) -> SocketAddr {
        let world = self.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(world.clone())).default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        address
    }
}

async fn answer(world: web::Data<World>, request: HttpRequest, body: String) -> HttpResponse {
    let now = world.0.load(Ordering::SeqCst);
    match now {
        SILENT => tokio::time::sleep(Duration::from_secs(60)).await,
        BROKEN => return HttpResponse::InternalServerError().body("<html>"),
        _ => {}
    }
    let bad = now == BAD;
    HttpResponse::Ok().json(match request.path() {
        "/api/v1/query" => {
            assert!(body.contains("query=errors"), "{body}");
            let value = if bad { "0.5" } else { "0.001" };
            json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}})
        }
        "/pay/on" => {
            let told = request.headers().get("Authorization").unwrap();
            assert_eq!((told.to_str().unwrap(), &*body), ("Bearer s3cret", r#"{"variant":"on"}"#));
            json!({"payment": {"state": if bad { "declined" } else { "captured" }}})
        }
        _ => json!({"verdict": if bad { "breach" } else { "ok" }, "reason": "somebody looked"}),
    })
}

/// A check of a guard that asks there: `prometheus`, `probe`, else a webhook.
pub fn check(kind: &str, at: SocketAddr) -> Value {
    match kind {
        "prometheus" => {
            json!({"prometheus": {"url": format!("http://{at}"), "query": "errors", "above": 0.01}})
        }
        "probe" => json!({"probe": {"method": "POST", "url": format!("http://{at}/pay/{{variant}}"),
            "headers": {"Authorization": "Bearer {secret:pay}"}, "body": r#"{"variant":"{variant}"}"#,
            "expect": {"pointer": "/payment/state", "equals": "captured"}, "failures": 2, "timeout": "1s"}}),
        _ => json!({"webhook": {"url": format!("http://{at}/hook")}}),
    }
}
