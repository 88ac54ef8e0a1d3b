//! What the server's tests share: a real server on a free port, a client for its API, and one for its streams.

pub mod api;
pub mod events;
pub mod fixtures;
pub mod raw;
pub mod socket;

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use usher_core::model::{Document, Role, RoleBinding, Timestamp, User};
use usher_journal::{Actor, Append, Change};
use usher_server::{Running, Secret, Settings, auth::password, run};

pub use api::{Answer, Api};
pub use events::Events;
pub use socket::Socket;

/// The administrator's token of every server here.
pub const ADMIN: &str = "uat_test-administrator-0123456789";
/// The password of every person here.
pub const PASSWORD: &str = "correct horse battery";

/// A server, until it is dropped.
pub struct Server {
    running: Running,
    folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    pub async fn start_in(folder: TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        api::with_tls();
        let mut settings = Settings {
            listen: "127.0.0.1:0".to_owned(),
            data: folder.path().to_owned(),
            admin_token: Some(Secret::from(ADMIN.to_owned())),
            workers: 1,
            // Tests ask faster than people do, all from here; those of the limits set them.
            address_requests_per_second: 0,
            address_api_requests_per_second: 0,
            address_refusals_per_second: 0,
            ..Settings::default()
        };
        change(&mut settings);
        Self { running: run(settings).await.unwrap(), folder }
    }

    /// A server with the venues, cohorts and flags of [`fixtures`].
    pub async fn seeded() -> Self {
        let server = Self::start().await;
        fixtures::seed(&server).await;
        server
    }

    pub fn address(&self) -> String {
        self.running.address().to_string()
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it, and gives back its folder, to be started in again.
    pub async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.folder
    }

    /// The API, as whoever has this token.
    pub fn with(&self, token: &str) -> Api {
        Api::new(&self.address()).header("Authorization", &format!("Bearer {token}"))
    }

    pub fn admin(&self) -> Api {
        self.with(ADMIN)
    }

    pub fn nobody(&self) -> Api {
        Api::new(&self.address())
    }

    /// The last commit that the server has applied.
    pub fn seq(&self) -> u64 {
        self.running.app().world.snapshot().seq().0
    }

    /// The secret of a new key of production.
    pub async fn key(&self, kind: &str) -> String {
        self.new_key(json!({"name": kind, "type": kind, "environment": "production"})).await.0
    }

    /// Secret and identity of a new key.
    pub async fn new_key(&self, key: Value) -> (String, String) {
        let made = self.admin().post("/api/v1/keys", &key).await.expect(201).json();
        (made["secret"].as_str().unwrap().to_owned(), made["key"]["key"].as_str().unwrap().to_owned())
    }

    /// Makes an account, `viewer@example.org` for a viewer.
    pub async fn person(&self, role: Role) -> String {
        let name = format!("{role:?}").to_lowercase();
        self.account(&format!("{name}-1"), &name, &format!("The {name}"), role, Vec::new()).await
    }

    async fn account(
        &self,
        key: &str,
        local: &str,
        name: &str,
        role: Role,
        bindings: Vec<RoleBinding>,
    ) -> String {
        let user = User {
            key: key.parse().unwrap(),
            email: format!("{local}@example.org"),
            name: name.to_owned(),
            password_hash: password::hash(PASSWORD).unwrap(),
            role,
            bindings,
            second_factor: None,
            invitation: None,
            open_id: None,
            created_at: Timestamp::EPOCH,
        };
        let append = Append {
            expected: Vec::new(),
            idempotency: None,
            actor: Actor::system("test"),
            message: "A person".to_owned(),
            at: Timestamp::EPOCH,
            changes: vec![Change::Put(Document::from_model(&user).unwrap())],
        };
        self.running.app().world.append(append).await.unwrap();
        user.email
    }

    /// The API, as a person who has signed in, from the server's own page.
    pub async fn signed_in(&self, role: Role) -> Api {
        let email = self.person(role).await;
        self.session(&email).await
    }

    /// The same for somebody of this name, which is their key too.
    pub async fn signed_in_as(&self, name: &str, role: Role) -> Api {
        let email = self.account(name, name, name, role, Vec::new()).await;
        self.session(&email).await
    }

    /// The same for somebody who has a role in some places only.
    pub async fn signed_in_bound(&self, name: &str, bindings: Value) -> Api {
        let bindings = serde_json::from_value(bindings).unwrap();
        let email = self.account(name, name, name, Role::Viewer, bindings).await;
        self.session(&email).await
    }

    async fn session(&self, email: &str) -> Api {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.nobody().post("/api/v1/session", &body).await.expect(200);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        self.nobody().header("Cookie", &cookie).header("Origin", &format!("http://{}", self.address()))
    }
}

/// A route's pattern with something real for each parameter.
pub fn filled(pattern: &str) -> String {
    let path =
        pattern.replace("{environment}", "production").replace("{action}", "kill").replace("{seq}", "1");
    let path = path.replace("{format}", "flagd").replace("{repository}", "web");
    let key = if path.starts_with("/api/v1/venues") { "anfield" } else { "always" };
    let path = path.replace("{key}", key);
    let asks_for_one = ["/board", "/evaluations", "/import/flagd"].iter().any(|end| path.ends_with(end));
    if asks_for_one { format!("{path}?environment=production") } else { path }
}

/// Waits until something holds, for 10 seconds at most.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came about: {what}");
}
