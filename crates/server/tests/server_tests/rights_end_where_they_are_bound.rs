//! Whoever has a role in some places uses it there and nowhere else, by every way that there is.
//!
//! Each route that changes something is called with what is about one venue, one environment or all, by everybody: each
//! role, bound in each way. A route that the table does not know fails the test.

use crate::support::{self, Answer, Api, Server, fixtures};
use serde_json::{Value, json};
use usher_core::model::{Document, Kind, Role, Timestamp, parse_strict};
use usher_journal::{Actor, Append, Change};
use usher_server::auth::{rights::RIGHTS, secret};

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Nothing that is in one place.
    Nothing,
    /// Wembley in production.
    Venue,
    /// All of production.
    Environment,
    /// Wembley in all environments.
    VenueEverywhere,
    /// Everything, or what no binding here covers.
    Everything,
}

/// How somebody's role is bound.
#[derive(Clone, Copy, Debug)]
enum Bound {
    Not,
    OtherEnvironment,
    OtherVenue,
    Venue,
    Environment,
    VenueEverywhere,
}

impl Bound {
    const ALL: [Self; 6] = [
        Self::Not,
        Self::OtherEnvironment,
        Self::OtherVenue,
        Self::Venue,
        Self::Environment,
        Self::VenueEverywhere,
    ];

    fn binding(self, role: &str) -> Value {
        match self {
            Self::Not => Value::Null,
            Self::OtherEnvironment => json!({"role": role, "environments": ["staging"]}),
            Self::OtherVenue => json!({"role": role, "environments": ["production"], "venues": ["anfield"]}),
            Self::Venue => json!({"role": role, "environments": ["production"], "venues": [VENUE]}),
            Self::Environment => json!({"role": role, "environments": ["production"]}),
            Self::VenueEverywhere => json!({"role": role, "venues": [VENUE]}),
        }
    }

    fn covers(self, about: About) -> bool {
        match self {
            Self::Not => true,
            Self::OtherEnvironment | Self::OtherVenue => about == About::Nothing,
            Self::Venue => matches!(about, About::Nothing | About::Venue),
            Self::Environment => matches!(about, About::Nothing | About::Venue | About::Environment),
            Self::VenueEverywhere => {
                matches!(about, About::Nothing | About::Venue | About::VenueEverywhere)
            }
        }
    }
}

const VENUE: &str = "wembley-stadium";
const PRODUCTION: &str = "/api/v1/flags/f#/environments/production";

/// One call: `#` stands for its number, in path and body alike, so that each finds things as they were.
struct Call {
    path: String,
    body: Value,
    about: About,
    /// What whoever may do it is told.
    status: u16,
}

fn call(path: &str, body: Value, about: About, status: u16) -> Vec<Call> {
    vec![Call { path: path.to_owned(), body, about, status }]
}

fn flag(key: &str, config: &Value) -> Value {
    let mut flag = fixtures::flag(key, &json!({}));
    flag["environments"]["production"].as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    flag
}

fn kill() -> Value {
    json!({"kill": {"flag": "f#", "environment": "production", "venues": [VENUE]}})
}

fn venue_flag() -> Value {
    let mut flag = flag("f#", &json!({"venues": {VENUE: "on"}}));
    flag["kind"] = "flag".into();
    flag
}

fn release(more: &Value) -> Value {
    let mut whole = json!({"key": "rel#", "flag": "f#", "environment": "production", "variant": "on", "control": "off",
        "stages": [{"name": "one", "percent": 10, "bake": "10h", "requires": {"approval": true}}, {"name": "two"}]});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

fn key() -> Value {
    json!({"key": "k#", "name": "K", "type": "client", "environment": "production", "venues": [VENUE],
        "hash": "h#", "prefix": "p", "createdAt": "2027-01-01T00:00:00Z", "createdBy": "c"})
}

fn freeze(reason: &str) -> Value {
    json!({"key": "z#", "reason": reason, "environments": ["production"], "venues": [VENUE],
        "from": "2020-05-15T00:00:00Z", "until": "2020-05-16T00:00:00Z"})
}

fn event(name: &str) -> Value {
    json!({"key": "e#", "name": name, "venue": VENUE, "doors": "2098-05-15T14:00:00Z",
        "start": "2098-05-15T16:00:00Z", "finalScan": "2098-05-15T16:30:00Z"})
}

fn schedule(name: &str) -> Value {
    json!({"key": "s#", "name": name, "at": "2098-01-01T00:00:00Z", "plays": [kill()]})
}

fn request(author: &Value) -> Value {
    json!({"key": "r#", "title": "t", "status": "open", "opened": "2027-01-01T00:00:00Z",
        "author": author, "expected": {"flag/f#": "§"},
        "changes": [{"put": venue_flag()}]})
}

/// What is called, and who may; `None` for a route that nobody has thought of.
#[allow(clippy::too_many_lines)] // A table.
fn calls(method: &str, pattern: &str) -> Option<Vec<Call>> {
    use About::{Environment, Everything, Nothing, Venue, VenueEverywhere};
    let none = || json!({});
    let path = pattern.strip_prefix("/api/v1").unwrap();
    Some(match (method, path) {
        // Whoever can read anything can read it all.
        ("GET", _) | ("POST", "/reach" | "/evaluate" | "/rollback/preview") => Vec::new(),
        ("POST" | "DELETE", "/session") => Vec::new(),
        // About oneself, or nobody yet.
        ("POST", "/session/refresh" | "/invitations/accept") => Vec::new(),
        ("POST", "/session/factor" | "/session/factor/confirm" | "/session/factor/remove") => Vec::new(),
        ("DELETE", "/sessions" | "/sessions/{id}") => Vec::new(),
        ("POST", "/session-key/rotate") => call("/api/v1/session-key/rotate", none(), Everything, 204),
        ("PUT", "/environments/{key}") => {
            call("/api/v1/environments/x#", json!({"key": "x#", "name": "X"}), Everything, 201)
        }
        ("DELETE", "/environments/{key}") => call("/api/v1/environments/y#", Value::Null, Everything, 200),
        ("PUT", "/venues/{key}") => call(
            "/api/v1/venues/wembley-stadium",
            json!({"key": VENUE, "name": "Wembley #"}),
            VenueEverywhere,
            200,
        ),
        // Who may: but it is still used.
        ("DELETE", "/venues/{key}") => {
            call("/api/v1/venues/wembley-stadium", Value::Null, VenueEverywhere, 400)
        }
        ("PUT", "/cohorts/{key}") => {
            let cohort = json!({"key": "c#", "name": "New", "keys": ["u"], "venues": [VENUE]});
            let wider = json!({"key": "c#", "name": "New", "keys": ["u"]});
            let mut all = call("/api/v1/cohorts/c#", cohort, VenueEverywhere, 200);
            all.extend(call("/api/v1/cohorts/c#", wider, Everything, 200));
            all
        }
        ("DELETE", "/cohorts/{key}") => call("/api/v1/cohorts/c#", Value::Null, VenueEverywhere, 200),
        ("PUT", "/flags/{key}") => {
            let path = "/api/v1/flags/f#";
            let mut named = flag("f#", &none());
            named["name"] = "Named".into();
            [
                call(path, flag("f#", &json!({"venues": {VENUE: "on"}})), Venue, 200),
                call(path, flag("f#", &json!({"enabled": false})), Environment, 200),
                call(path, named, Everything, 200),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        ("DELETE", "/flags/{key}") => call("/api/v1/flags/f#", Value::Null, Everything, 200),
        ("POST", "/flags/{key}/archive") => call("/api/v1/flags/f#/archive", none(), Everything, 200),
        ("PUT", "/code-references/{repository}") => {
            call("/api/v1/code-references/repo#", json!({"references": []}), Everything, 200)
        }
        // Who may: but nobody has looked through it.
        ("DELETE", "/code-references/{repository}") => {
            call("/api/v1/code-references/other#", Value::Null, Everything, 404)
        }
        ("POST", "/actions/{action}") => {
            let act = |action: &str, venues: Value, about| {
                let flags = json!([{"key": "f#", "venues": venues}]);
                call(
                    &format!("/api/v1/actions/{action}"),
                    json!({"environment": "production", "flags": flags}),
                    about,
                    200,
                )
            };
            [
                act("kill", json!([VENUE]), Venue),
                act("on", json!([VENUE]), Venue),
                act("kill", json!([]), Environment),
                act("off", json!([VENUE, "berlin-dome"]), Environment),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        ("POST", "/flags/{key}/environments/{environment}/{action}") => {
            let venues = json!({"venues": [VENUE]});
            let act = |action: &str, body: &Value, about| {
                call(&format!("{PRODUCTION}/{action}"), body.clone(), about, 200)
            };
            let mut killed = act("revive", &venues, Venue);
            killed[0].path = killed[0].path.replace("f#", "killed#");
            [
                act("kill", &venues, Venue),
                act("kill", &none(), Environment),
                act("kill", &json!({"cohorts": ["staff"]}), Environment),
                act("kill", &json!({"venues": [VENUE, "berlin-dome"]}), Environment),
                act("off", &none(), Environment),
                act("on", &venues, Venue),
                act("off", &venues, Venue),
                killed,
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        ("PUT", "/events/{key}") => call("/api/v1/events/e#", event("New"), VenueEverywhere, 200),
        ("DELETE", "/events/{key}") => call("/api/v1/events/e#", Value::Null, VenueEverywhere, 200),
        ("PUT", "/freezes/{key}") => call("/api/v1/freezes/z#", freeze("New"), Venue, 200),
        ("DELETE", "/freezes/{key}") => call("/api/v1/freezes/z#", Value::Null, Venue, 200),
        ("PUT", "/playbooks/{key}") => {
            call("/api/v1/playbooks/p#", json!({"key": "p#", "name": "New", "plays": [kill()]}), Venue, 200)
        }
        ("DELETE", "/playbooks/{key}") => call("/api/v1/playbooks/p#", Value::Null, Venue, 200),
        ("POST", "/playbooks/{key}/run") => call("/api/v1/playbooks/p#/run", none(), Venue, 200),
        ("POST", "/playbooks/{key}/rehearse") => call(
            "/api/v1/playbooks/p#/rehearse",
            json!({"of": "production", "environment": "stage"}),
            Everything,
            200,
        ),
        ("PUT", "/schedules/{key}") => call("/api/v1/schedules/s#", schedule("New"), Venue, 200),
        ("DELETE", "/schedules/{key}") => call("/api/v1/schedules/s#", Value::Null, Venue, 200),
        ("POST", "/change-requests") => {
            let put = |put: Value, about| {
                call("/api/v1/change-requests", json!({"title": "t", "changes": [{"put": put}]}), about, 201)
            };
            let mut wide = venue_flag();
            wide["environments"]["production"]["enabled"] = false.into();
            [put(venue_flag(), Venue), put(wide, Environment)].into_iter().flatten().collect()
        }
        ("PUT", "/change-requests/{key}") => call(
            "/api/v1/change-requests/own#",
            json!({"title": "New", "changes": [{"put": venue_flag()}]}),
            Venue,
            200,
        ),
        ("POST", "/change-requests/{key}/comments") => {
            call("/api/v1/change-requests/r#/comments", json!({"text": "Why?"}), Nothing, 200)
        }
        ("POST", "/change-requests/{key}/approve") => {
            call("/api/v1/change-requests/r#/approve", none(), Venue, 200)
        }
        ("POST", "/change-requests/{key}/close") => {
            call("/api/v1/change-requests/r#/close", none(), Venue, 200)
        }
        ("POST", "/change-requests/{key}/merge") => {
            call("/api/v1/change-requests/r#/merge", none(), Venue, 200)
        }
        ("PUT", "/releases/{key}") => {
            call("/api/v1/releases/rel#", release(&json!({"name": "New"})), Environment, 200)
        }
        ("DELETE", "/releases/{key}") => call("/api/v1/releases/rel#", Value::Null, Environment, 200),
        ("POST", "/releases/{key}/rehearse") => {
            call("/api/v1/releases/rel#/rehearse", json!({"environment": "stage"}), Everything, 200)
        }
        ("POST", "/releases/{key}/start") => call("/api/v1/releases/rel#/start", none(), Environment, 200),
        ("POST", "/releases/{key}/resume") => {
            call("/api/v1/releases/paused#/resume", none(), Environment, 200)
        }
        ("POST", "/releases/{key}/promote") => {
            call("/api/v1/releases/running#/promote", none(), Environment, 200)
        }
        ("POST", "/releases/{key}/approve") => {
            call("/api/v1/releases/running#/approve", none(), Environment, 200)
        }
        ("POST", "/releases/{key}/pause") => {
            call("/api/v1/releases/running#/pause", none(), Environment, 200)
        }
        ("POST", "/releases/{key}/rollback") => {
            call("/api/v1/releases/running#/rollback", none(), Environment, 200)
        }
        ("POST", "/keys") => {
            let key = |more: Value, about| {
                let mut whole = json!({"name": "K#", "type": "client", "environment": "production"});
                whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                call("/api/v1/keys", whole, about, 201)
            };
            let token = json!({"name": "T#", "type": "api", "role": "viewer"});
            [
                key(json!({"venues": [VENUE]}), Venue),
                key(none(), Environment),
                key(json!({"environment": "staging", "venues": ["berlin-dome"]}), Everything),
                call("/api/v1/keys", token, Everything, 201),
            ]
            .into_iter()
            .flatten()
            // An administrator of staging makes keys of staging.
            .filter(|call| call.body["environment"] != "staging")
            .collect()
        }
        ("POST", "/keys/{key}/rotate") => call("/api/v1/keys/k#/rotate", none(), Venue, 201),
        ("POST", "/keys/{key}/signed-contexts") => {
            let policy = json!({"signedContexts": "required"});
            call("/api/v1/keys/k#/signed-contexts", policy, Venue, 200)
        }
        ("POST", "/keys/{key}/revoke") => call("/api/v1/keys/k#/revoke", none(), Venue, 200),
        ("POST", "/users") => call(
            "/api/v1/users",
            json!({"email": "new#@example.org", "name": "New", "role": "viewer", "password": support::PASSWORD}),
            Everything,
            201,
        ),
        ("PUT", "/users/{key}") => call("/api/v1/users/u#", json!({"name": "New"}), Everything, 200),
        ("DELETE", "/users/{key}") => call("/api/v1/users/u#", Value::Null, Everything, 200),
        ("POST", "/invitations") => call(
            "/api/v1/invitations",
            json!({"email": "new#@example.org", "name": "New", "role": "viewer"}),
            Everything,
            201,
        ),
        ("POST", "/users/{key}/invitation") => call("/api/v1/users/u#/invitation", none(), Everything, 201),
        ("DELETE", "/users/{key}/factor") => call("/api/v1/users/u#/factor", Value::Null, Everything, 204),
        ("DELETE", "/users/{key}/sessions") => {
            call("/api/v1/users/u#/sessions", Value::Null, Everything, 204)
        }
        ("POST", "/commits") => {
            let commit =
                |put: Value, about| call("/api/v1/commits", json!({"changes": [{"put": put}]}), about, 201);
            let mut wide = venue_flag();
            wide["environments"]["production"]["measure"] = json!(["checkout"]);
            [commit(venue_flag(), Venue), commit(wide, Environment)].into_iter().flatten().collect()
        }
        ("POST", "/commits/{seq}/undo") => call("/api/v1/commits/§/undo", none(), Venue, 200),
        ("POST", "/rollback") => {
            let scope = |scope: Value, about| {
                call("/api/v1/rollback", json!({"to": {"seq": "§-1"}, "scope": scope}), about, 200)
            };
            let venue = json!({"flag": "f#", "venue": VENUE, "environment": "production"});
            [scope(venue, Venue), scope(json!({"flag": "f#"}), Venue)].into_iter().flatten().collect()
        }
        ("POST", "/import/{format}") => {
            let flag =
                json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"});
            let path = "/api/v1/import/flagd?environment=production";
            call(path, json!({"flags": {"imported#": flag}}), Environment, 200)
        }
        _ => return None,
    })
}

/// Everything that a call is about, anew; the number of the last commit.
async fn prepare(server: &Server, path: &str, n: usize, caller: &Value) -> u64 {
    let about = |part: &str| path.contains(part);
    let mut first = vec![(Kind::Flag, flag("f#", &json!({})))];
    let mut second = Vec::new();
    if about("/kill") || about("/revive") || about("/on") || about("/off") {
        first.push((Kind::Flag, flag("killed#", &json!({"killed": {"venues": [VENUE]}}))));
    }
    if about("/undo") || about("/rollback") {
        second.push((Kind::Flag, venue_flag()));
    }
    for (part, kind, json) in [
        ("/environments/y#", Kind::Environment, json!({"key": "y#", "name": "Y"})),
        ("/cohorts", Kind::Cohort, json!({"key": "c#", "name": "C", "keys": ["u"], "venues": [VENUE]})),
        ("/events", Kind::Event, event("E")),
        ("/freezes", Kind::Freeze, freeze("F")),
        ("/playbooks", Kind::Playbook, json!({"key": "p#", "plays": [kill()]})),
        ("/schedules", Kind::Schedule, schedule("S")),
        (
            "/change-requests/r#",
            Kind::ChangeRequest,
            request(&json!({"kind": "user", "id": "somebody", "name": "Somebody"})),
        ),
        ("/change-requests/own#", Kind::ChangeRequest, request(caller)),
        ("/releases", Kind::Release, release(&json!({}))),
        ("/keys", Kind::Key, key()),
    ] {
        if about(part) {
            let json = if part.ends_with("own#") { with(&json, "key", "own#".into()) } else { json };
            // A request knows the version of the flag that it changes.
            let later = kind == Kind::ChangeRequest;
            if later { second.push((kind, json)) } else { first.push((kind, json)) }
        }
    }
    if about("/users/u#") {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g";
        let mut user = json!({"key": "u#", "email": "u#@example.org", "name": "U", "passwordHash": hash, "role": "viewer", "createdAt": "2027-01-01T00:00:00Z"});
        if about("/factor") {
            user["secondFactor"] = json!({"id": "f#", "since": "2027-01-01T00:00:00Z"});
        }
        if about("/invitation") {
            user["invitation"] = json!({"hash": "h#", "expiresAt": "2098-01-01T00:00:00Z"});
        }
        first.push((Kind::User, user));
    }
    for (name, paused) in [("running#", false), ("paused#", true)] {
        if about(name) {
            let status = if paused { "paused" } else { "running" };
            let progress = json!({"status": status, "stage": 0, "started": Timestamp::EPOCH, "since": Timestamp::EPOCH, "startedBy": "x"});
            first.push((Kind::Release, release(&json!({"key": name, "progress": progress}))));
        }
    }
    write(server, &first, n).await;
    if !second.is_empty() {
        write(server, &second, n).await;
    }
    server.seq()
}

fn with(json: &Value, field: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[field] = value;
    json
}

/// With the number of the call for `#`, and that of the last commit for `§`.
fn filled(text: &str, n: usize, seq: u64) -> String {
    let text = text.replace("\"§-1\"", &(seq.saturating_sub(1)).to_string());
    text.replace("\"§\"", &seq.to_string()).replace('§', &seq.to_string()).replace('#', &n.to_string())
}

async fn write(server: &Server, documents: &[(Kind, Value)], n: usize) {
    let read = |(kind, json): &(Kind, Value)| {
        let text = json.to_string().replace("\"§\"", &server.seq().to_string()).replace('#', &n.to_string());
        let document: Document =
            parse_strict(kind, text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}: {text}"));
        Change::Put(document)
    };
    let append = Append {
        expected: Vec::new(),
        idempotency: None,
        actor: Actor::system("test"),
        message: "As it is".to_owned(),
        at: usher_server::now(),
        changes: documents.iter().map(read).collect(),
    };
    server.running().app().world.append(append).await.unwrap();
}

struct Caller {
    name: String,
    role: Role,
    bound: Bound,
    actor: Value,
    api: Api,
}

fn everybody() -> impl Iterator<Item = (String, Role, Bound)> {
    let roles = [Role::Viewer, Role::Operator, Role::Editor, Role::Admin];
    let of = move |bound: Bound| {
        roles.map(|role| (format!("{role}-{bound:?}").to_lowercase(), role, bound)).into_iter()
    };
    Bound::ALL.into_iter().flat_map(of)
}

/// Everybody, as people who have signed in.
async fn people(server: &Server) -> Vec<Caller> {
    let mut all = Vec::new();
    for (name, role, bound) in everybody() {
        let api = match bound.binding(role.as_str()) {
            Value::Null => server.signed_in_as(&name, role).await,
            binding => server.signed_in_bound(&name, json!([binding])).await,
        };
        let actor = json!({"kind": "user", "id": name, "name": name});
        all.push(Caller { name, role, bound, actor, api });
    }
    all
}

/// Everybody, as programs with tokens: signing in takes its time.
async fn programs(server: &Server) -> Vec<Caller> {
    let secret = |name: &str| format!("uat_{name}");
    let token = |(name, role, bound): (String, Role, Bound)| {
        let mut token = json!({"key": name, "name": name, "type": "api", "hash": secret::hash(&secret(&name)),
            "prefix": "p", "createdAt": "2027-01-01T00:00:00Z", "createdBy": "c"});
        let binding = bound.binding(role.as_str());
        if binding.is_null() {
            token["role"] = role.as_str().into();
        } else {
            (token["role"], token["bindings"]) = ("viewer".into(), json!([binding]));
        }
        (Kind::Key, token)
    };
    write(server, &everybody().map(token).collect::<Vec<_>>(), 0).await;
    let caller = |(name, role, bound): (String, Role, Bound)| {
        let api = server.with(&secret(&name));
        Caller { actor: json!({"kind": "token", "id": name, "name": name}), name, role, bound, api }
    };
    everybody().map(caller).collect()
}

async fn workspace() -> Server {
    let server = Server::seeded().await;
    let stage = json!({"key": "stage", "name": "Rehearsals", "rehearsal": true});
    server.admin().put("/api/v1/environments/stage", &stage).await.expect(201);
    server
}

#[tokio::test]
async fn every_route_asks_where_somebody_may_do_what_it_does() {
    for (method, pattern, needs) in RIGHTS {
        let calls = calls(method, pattern).unwrap_or_else(|| panic!("no call for {method} {pattern}"));
        let Some(needed) = needs.role().filter(|_| !calls.is_empty()) else { continue };
        // One each: what a thousand calls leave behind would make all of them slow.
        let server = workspace().await;
        // A program is nobody's second person.
        let is_for_people = pattern.ends_with("/{key}/approve");
        let callers = if is_for_people { people(&server).await } else { programs(&server).await };
        let pairs = calls.iter().flat_map(|call| callers.iter().map(move |caller| (call, caller)));
        for (n, (call, caller)) in pairs.enumerate() {
            ask(&server, method, call, caller, needed, n).await;
        }
    }
}

async fn ask(server: &Server, method: &str, call: &Call, caller: &Caller, needed: Role, n: usize) {
    let Call { path, body, about, status } = call;
    let Caller { name, role, bound, actor, api } = caller;
    let seq = prepare(server, path, n, actor).await;
    let (path, body) = (filled(path, n, seq), filled(&body.to_string(), n, seq));
    let answer = api.send(method, &path, (body != "null").then_some(body)).await;
    let told = format!("{name}: {about:?} {answer:?}");
    if *role >= needed && bound.covers(*about) {
        assert_eq!(answer.status, *status, "{told}");
        return;
    }
    if *role < needed {
        answer.problem(403, "forbidden");
    } else {
        let problem = answer.problem(403, "not_in_scope");
        for field in ["field", "value", "detail", "mend"] {
            let said = problem["errors"][0][field].as_str();
            assert!(said.is_some_and(|text| !text.is_empty()), "{told}");
        }
    }
    assert_eq!(server.seq(), seq, "{told}");
}

#[tokio::test]
async fn everybody_reads_everything_but_accounts_and_keys() {
    let server = workspace().await;
    let callers = people(&server).await;
    for Caller { name, role, bound, api, .. } in &callers {
        for (_, pattern, needs) in RIGHTS.iter().filter(|(method, ..)| *method == "GET") {
            let path = pattern.replace("{seq}", "1").replace("{key}", "always");
            let path = if path.ends_with("/board") { format!("{path}?environment=production") } else { path };
            let Answer { status, .. } = api.get(&path).await;
            let everywhere = !path.contains("/users") || matches!(bound, Bound::Not);
            let may = Some(*role) >= needs.role() && everywhere;
            assert_eq!(status != 403, may, "{name}: {path} {status}");
            assert!(![401, 405, 500].contains(&status), "{name}: {path} {status}");
        }
    }
}

/// Somebody who has a role at Wembley in production only.
async fn at_wembley(server: &Server, role: Role) -> Api {
    let binding = json!({"role": role, "environments": ["production"], "venues": [VENUE]});
    server.signed_in_bound(&format!("{role}-at-wembley"), json!([binding])).await
}

#[tokio::test]
async fn an_operator_of_wembley_kills_at_wembley_and_nowhere_else() {
    let server = workspace().await;
    let operator = at_wembley(&server, Role::Operator).await;
    let kill = "/api/v1/flags/always/environments/production/kill";
    operator.post(kill, &json!({"venues": [VENUE]})).await.expect(200);
    let problem = operator.post(kill, &json!({"venues": ["anfield"]})).await.problem(403, "not_in_scope");
    let error = &problem["errors"][0];
    assert_eq!(error["field"], "flag/always");
    assert_eq!(error["value"], "anfield in production");
    assert!(error["detail"].as_str().unwrap().contains("needs the role operator"), "{problem}");
    assert!(error["mend"].as_str().unwrap().contains("ask an administrator"), "{problem}");
    operator.post(kill, &json!({})).await.problem(403, "not_in_scope");
    let staging = "/api/v1/flags/always/environments/staging/kill";
    operator.post(staging, &json!({"venues": [VENUE]})).await.problem(403, "not_in_scope");
    // Nor by undoing what others did elsewhere, whatever reason there is.
    server.admin().post(kill, &json!({"venues": ["anfield"]})).await.expect(200);
    let undo = format!("/api/v1/commits/{}/undo", server.seq());
    let loud = operator.header("Usher-Break-Glass", "It burns");
    loud.post(&undo, &json!({})).await.problem(403, "not_in_scope");
    loud.post(kill, &json!({})).await.problem(403, "not_in_scope");
    let session = operator.get("/api/v1/session").await.expect(200).json();
    let bindings = json!([{"role": "operator", "environments": ["production"], "venues": [VENUE]}]);
    assert_eq!((&session["user"]["role"], &session["user"]["bindings"]), (&json!("viewer"), &bindings));
}

#[tokio::test]
async fn rights_that_are_taken_away_are_gone_at_once_and_are_never_given_by_their_holder() {
    let server = workspace().await;
    let admin = at_wembley(&server, Role::Admin).await;
    let me = admin.get("/api/v1/session").await.expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{me}");
    admin.put(&path, &json!({"role": "admin"})).await.problem(403, "not_in_scope");
    let token = json!({"name": "mine", "type": "api"});
    admin.post("/api/v1/keys", &token).await.problem(403, "not_in_scope");
    let kill = "/api/v1/flags/always/environments/production/kill";
    admin.post(kill, &json!({"venues": [VENUE]})).await.expect(200);
    server.admin().put(&path, &json!({"bindings": []})).await.expect(200);
    let revive = "/api/v1/flags/always/environments/production/revive";
    admin.post(revive, &json!({"venues": [VENUE]})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_administrator_of_some_places_sees_and_makes_their_keys_only() {
    let server = workspace().await;
    let admin = at_wembley(&server, Role::Admin).await;
    server.key("server").await;
    let own = json!({"name": "Gates", "type": "client", "environment": "production", "venues": [VENUE]});
    let made = admin.post("/api/v1/keys", &own).await.expect(201).json();
    let listed = admin.get("/api/v1/keys").await.expect(200).json();
    let keys: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|own| &own["key"]).collect();
    assert_eq!(keys, [&made["key"]["key"]], "{listed}");
    let wider =
        json!({"name": "Gates", "type": "client", "environment": "production", "venues": [VENUE, "anfield"]});
    admin.post("/api/v1/keys", &wider).await.problem(403, "not_in_scope");
}

#[tokio::test]
async fn a_request_is_made_with_the_rights_that_are_left_when_it_is() {
    let server = workspace().await;
    let editor = at_wembley(&server, Role::Editor).await;
    let mut flag = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    flag["kind"] = "flag".into();
    flag["environments"]["production"]["venues"] = json!({VENUE: "off"});
    let soon = usher_server::now().millis() + 1_500;
    let request = json!({"key": "mine", "title": "Off at Wembley", "changes": [{"put": flag}],
        "applyAt": Timestamp::from_millis(soon)});
    editor.post("/api/v1/change-requests", &request).await.expect(201);
    let me = "/api/v1/users/editor-at-wembley";
    let elsewhere = json!([{"role": "editor", "environments": ["staging"]}]);
    server.admin().put(me, &json!({"bindings": elsewhere})).await.expect(200);
    editor.post("/api/v1/change-requests/mine/merge", &json!({})).await.problem(403, "not_in_scope");
    // Nor by the server, when it is due: its author may not ask for it any more.
    tokio::time::sleep(std::time::Duration::from_millis(3_000)).await;
    let status = async || {
        server.admin().get("/api/v1/change-requests/mine").await.expect(200).json()["document"]["status"]
            .clone()
    };
    assert_eq!(status().await, "open");
    let back = json!([{"role": "editor", "environments": ["production"], "venues": [VENUE]}]);
    server.admin().put(me, &json!({"bindings": back})).await.expect(200);
    support::eventually("it is made", async || status().await == "merged").await;
}

#[tokio::test]
async fn an_approval_counts_only_of_somebody_who_could_have_written_it() {
    let server = workspace().await;
    let production = json!({"key": "production", "name": "Production", "approvals": 1});
    server.admin().put("/api/v1/environments/production", &production).await.expect(200);
    let mut flag = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    flag["kind"] = "flag".into();
    flag["environments"]["production"]["venues"] = json!({"anfield": "off"});
    let request = json!({"key": "mine", "title": "Off at Anfield", "changes": [{"put": flag}]});
    server.admin().post("/api/v1/change-requests", &request).await.expect(201);
    let approve = "/api/v1/change-requests/mine/approve";
    let editor = at_wembley(&server, Role::Editor).await;
    editor.post(approve, &json!({})).await.problem(403, "not_in_scope");
    let bindings = json!([{"role": "editor", "venues": ["anfield"]}]);
    let other = server.signed_in_bound("anfield", bindings).await;
    other.post(approve, &json!({})).await.expect(200);
    let merge = "/api/v1/change-requests/mine/merge";
    server.admin().put("/api/v1/users/anfield", &json!({"bindings": []})).await.expect(200);
    server.admin().post(merge, &json!({})).await.problem(409, "not_approved");
}

#[tokio::test]
async fn a_token_does_what_it_was_made_for_until_it_expires() {
    let server = workspace().await;
    let binding = json!({"role": "operator", "environments": ["production"], "venues": [VENUE]});
    let end = Timestamp::from_millis(usher_server::now().millis() + 2_000);
    let new = json!({"name": "Control room", "type": "api", "bindings": [binding], "expiresAt": end});
    let (secret, key) = server.new_key(new).await;
    let token = server.with(&secret);
    let session = token.get("/api/v1/session").await.expect(200).json();
    assert_eq!((&session["user"]["id"], &session["user"]["role"]), (&json!(key), &json!("viewer")));
    let kill = "/api/v1/flags/always/environments/production/kill";
    token.post(kill, &json!({"venues": [VENUE]})).await.expect(200);
    token.post(kill, &json!({})).await.problem(403, "not_in_scope");
    token.get("/api/v1/keys").await.problem(403, "forbidden");
    let refused = async || token.get("/api/v1/flags").await.status == 401;
    support::eventually("it expires", refused).await;
    // One from before tokens had roles, and the administrator's, are administrators.
    let session = server.admin().get("/api/v1/session").await.expect(200).json();
    assert_eq!(session["user"]["role"], "admin");
}

#[tokio::test]
async fn rights_that_make_no_sense_are_refused() {
    let server = workspace().await;
    let before = server.seq();
    for bindings in [
        json!([{"role": "operator"}]),
        json!([{"role": "king", "venues": [VENUE]}]),
        json!([{"role": "operator", "venues": ["nowhere"]}]),
        json!([{"role": "operator", "environments": ["nowhere"]}]),
        json!([{"role": "operator", "venues": [VENUE], "surprise": 1}]),
    ] {
        let user = json!({"email": "a@example.org", "name": "A", "role": "viewer", "bindings": bindings, "password": support::PASSWORD});
        server.admin().post("/api/v1/users", &user).await.problem(400, "invalid");
        let token = json!({"name": "T", "type": "api", "bindings": bindings});
        server.admin().post("/api/v1/keys", &token).await.problem(400, "invalid");
    }
    for key in [
        json!({"name": "K", "type": "server", "environment": "production", "role": "viewer"}),
        json!({"name": "K", "type": "server", "environment": "production", "bindings": [{"role": "viewer", "venues": [VENUE]}]}),
        json!({"name": "T", "type": "api", "venues": [VENUE]}),
    ] {
        server.admin().post("/api/v1/keys", &key).await.problem(400, "invalid");
    }
    assert_eq!(server.seq(), before);
    // What somebody is bound to does not go away.
    at_wembley(&server, Role::Operator).await;
    server.admin().delete("/api/v1/venues/wembley-stadium").await.problem(400, "invalid");
}
