//! Asking upstream where clients are to be served: it is not part of what a stream carries, for it is no flag.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use usher_core::protocol::SteeringBody;
use usher_sdk::parts::draw;
use usher_server::Secret;

use crate::{http::Http, mirror::Mirror};

/// Asks about one mirror's environment once a heartbeat, give or take a quarter, until the edge stops. Without an
/// answer what was said last holds.
pub(crate) async fn follow(mirror: Arc<Mirror>, http: Http, key: Secret, heartbeat: Duration) {
    loop {
        let asked = http.get("/sdk/v1/steering", key.expose()).send().await;
        let answer = asked.and_then(reqwest::Response::error_for_status);
        let body = match answer {
            Ok(answer) => answer.json::<SteeringBody>().await,
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => mirror.steering.store(Arc::new(body.steering)),
            // One that is older than this edge does not know the question.
            Err(error) => tracing::debug!(error = %error.without_url(), "where clients go is not known anew"),
        }
        sleep(heartbeat.mul_f64(0.75 + draw() / 2.0)).await;
    }
}
