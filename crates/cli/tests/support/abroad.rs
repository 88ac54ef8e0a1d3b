//! Servers on a host of their own.

use serde_json::Value;
use tokio::runtime::Builder;
use usher_testkit::hosts::{Host, Hosts};

use super::{ADMIN, PATIENCE, http};

/// What a server on the near host answers to its administrator, who is there too.
pub fn asked(hosts: &Hosts, url: &str, method: &str, path: &str, body: Value) -> Value {
    let (method, url) = (method.parse().unwrap(), format!("{url}{path}"));
    let asked = hosts.spawn(Host::Near, move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let request = http().request(method, url).bearer_auth(ADMIN).json(&body).timeout(PATIENCE);
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            answer.json().await.unwrap()
        })
    });
    asked.join().unwrap()
}
