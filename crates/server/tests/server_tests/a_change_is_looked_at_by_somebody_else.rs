//! Where an environment asks for approvals, nobody changes what its clients notice alone: somebody else looks at it
//! first. Kills are never held up, and whoever breaks the glass is in the history with the reason.

use crate::support::{Answer, Api, Server, eventually, fixtures};
use serde_json::{Value, json};
use usher_core::model::{Role, Timestamp};

const ALL: &str = "/api/v1/change-requests";

/// A server whose production asks for so many approvals; and Ana and Ben, who are editors.
async fn guarded(approvals: u32) -> (Server, Api, Api) {
    let server = Server::seeded().await;
    let (ana, ben) =
        (server.signed_in_as("ana", Role::Editor).await, server.signed_in_as("ben", Role::Editor).await);
    asks(&server, approvals).await;
    (server, ana, ben)
}

async fn asks(server: &Server, approvals: u32) {
    let path = "/api/v1/environments/production";
    let mut production = server.admin().get(path).await.json();
    production["approvals"] = json!(approvals);
    server.admin().put(path, &production).await.expect(200);
}

fn flag(key: &str, variant: &str) -> Value {
    let mut flag = fixtures::flag(key, &json!({"default": {"variant": variant}}));
    flag["kind"] = json!("flag");
    flag
}

/// A request to give `off` to everybody who gets `always`.
async fn opened(by: &Api, key: &str) -> Answer {
    let body =
        json!({"key": key, "title": "Off", "message": "Queues", "changes": [{"put": flag("always", "off")}]});
    by.post(ALL, &body).await
}

async fn act(by: &Api, key: &str, verb: &str) -> Answer {
    by.post(&format!("{ALL}/{key}/{verb}"), &json!({})).await
}

async fn view(server: &Server, key: &str) -> Value {
    server.admin().get(&format!("{ALL}/{key}")).await.expect(200).json()
}

async fn default_of(server: &Server, key: &str) -> Value {
    let flag = server.admin().get(&format!("/api/v1/flags/{key}")).await.expect(200).json();
    flag["environments"]["production"]["default"]["variant"].clone()
}

fn soon(seconds: i64) -> String {
    Timestamp::from_millis(usher_server::now().millis() + seconds * 1_000).to_string()
}

#[tokio::test]
async fn nobody_changes_what_its_clients_notice_alone() {
    let (server, ana, _) = guarded(1).await;
    let before = server.seq();
    let on = |flag: &str, action: &str| format!("/api/v1/flags/{flag}/environments/production/{action}");
    for api in [&ana, &server.admin()] {
        for answer in [
            api.put("/api/v1/flags/always", &flag("always", "off")).await,
            api.post(&on("always", "off"), &json!({})).await,
            api.post(&on("always", "on"), &json!({"venues": ["anfield"]})).await,
            api.post("/api/v1/flags/always/archive", &json!({})).await,
            api.delete("/api/v1/flags/always").await,
            api.put("/api/v1/cohorts/staff", &json!({"key": "staff", "name": "Staff", "keys": ["u-other"]}))
                .await,
            api.post(
                "/api/v1/commits",
                &json!({"message": "m", "changes": [{"put": flag("always", "off")}]}),
            )
            .await,
        ] {
            let problem = answer.problem(403, "approval_needed");
            let said = problem["detail"].as_str().unwrap();
            for part in
                ["production", "1 approval", "change request", "usher change open", "Usher-Break-Glass"]
            {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
        // What acts there later is looked at when it is written.
        let off = json!([{"off": {"flag": "always", "environment": "production"}}]);
        let plan = json!({"key": "r", "flag": "always", "environment": "production", "variant": "on", "control": "off", "stages": [{"name": "all"}]});
        for (path, document) in [
            ("schedules/s", json!({"key": "s", "at": "2098-01-01T00:00:00Z", "plays": off})),
            ("playbooks/p", json!({"key": "p", "plays": off})),
            ("releases/r", plan),
        ] {
            api.put(&format!("/api/v1/{path}"), &document).await.problem(403, "approval_needed");
        }
    }
    assert_eq!(server.seq(), before, "nothing was written");
    ana.put("/api/v1/flags/new", &flag("new", "on")).await.problem(403, "approval_needed");
    // Elsewhere; what nobody notices; and what stops harm, whose undoing is a change like any other.
    let unseen = fixtures::flag("unseen", &json!({"enabled": false}));
    ana.put("/api/v1/flags/unseen", &unseen).await.expect(201);
    let mut called = flag("always", "on");
    called["name"] = json!("Always on");
    ana.put("/api/v1/flags/always", &called).await.expect(200);
    ana.post("/api/v1/flags/always/environments/staging/off", &json!({})).await.expect(200);
    let kill = json!([{"kill": {"flag": "always", "environment": "production"}}]);
    ana.put("/api/v1/playbooks/gates", &json!({"key": "gates", "plays": kill})).await.expect(201);
    ana.post("/api/v1/playbooks/gates/run", &json!({})).await.expect(200);
    ana.post(&on("banner", "kill"), &json!({"venues": ["anfield"]})).await.expect(200);
    ana.post(&on("always", "revive"), &json!({})).await.problem(403, "approval_needed");
    let glass = ana.header("Usher-Break-Glass", "gate 4 does not scan");
    glass.post(&on("always", "off"), &json!({})).await.expect(200);
    let back = json!({"to": {"seq": before}, "scope": {"flag": "always"}});
    ana.post("/api/v1/rollback", &back).await.problem(403, "approval_needed");
    glass.post(&on("always", "revive"), &json!({})).await.expect(200);
    let told = server.admin().get("/api/v1/commits?limit=1").await.json()["items"][0]["message"].clone();
    assert!(told.as_str().unwrap().starts_with("Break glass (gate 4 does not scan): "), "{told}");
}

#[tokio::test]
async fn a_second_person_approves_and_all_of_it_is_one_commit() {
    let (server, ana, ben) = guarded(1).await;
    let made = opened(&ana, "queues").await.expect(201).json();
    assert_eq!(
        (&made["document"]["status"], &made["document"]["author"]["name"]),
        (&json!("open"), &json!("ana"))
    );
    let seen = view(&server, "queues").await;
    assert_eq!(
        (&seen["standing"]["mayMerge"], &seen["standing"]["needed"]),
        (&json!(false), &json!(1)),
        "{seen}"
    );
    assert_eq!(seen["diff"][0]["before"]["environments"]["production"]["default"]["variant"], "on", "{seen}");
    assert_eq!(seen["diff"][0]["after"]["environments"]["production"]["default"]["variant"], "off", "{seen}");
    assert!(seen["reach"]["venues"].as_array().unwrap().iter().any(|own| own["key"] == "anfield"), "{seen}");
    assert_eq!(seen["conflicts"], json!([]));
    let problem = act(&ana, "queues", "merge").await.problem(409, "not_approved");
    assert!(problem["detail"].as_str().unwrap().contains("somebody else"), "{problem}");
    act(&ana, "queues", "approve").await.problem(403, "forbidden");
    // A program is nobody, nor is who could not do it themselves.
    act(&server.admin(), "queues", "approve").await.problem(403, "forbidden");
    let operator = server.signed_in(Role::Operator).await;
    act(&operator, "queues", "approve").await.problem(403, "forbidden");
    act(&ben, "queues", "approve").await.expect(200);
    act(&ben, "queues", "approve").await.expect(200);
    let said = json!({"text": "Looks well"});
    ben.post(&format!("{ALL}/queues/comments"), &said).await.expect(200);
    let seen = view(&server, "queues").await;
    assert_eq!(
        (&seen["standing"]["mayMerge"], &seen["standing"]["approvedBy"]),
        (&json!(true), &json!(["ben"])),
        "{seen}"
    );
    assert_eq!(seen["document"]["approvals"].as_array().unwrap().len(), 1, "once is enough");
    assert_eq!(seen["document"]["comments"][0]["text"], "Looks well");
    let merged = act(&ana, "queues", "merge").await.expect(200).json();
    let commit = server.admin().get(&format!("/api/v1/commits/{}", merged["seq"])).await.json();
    let changed: Vec<&str> =
        commit["changes"].as_array().unwrap().iter().map(|change| change["key"].as_str().unwrap()).collect();
    assert_eq!(changed, ["always", "queues"], "{commit}");
    assert_eq!(
        (&commit["message"], &commit["actor"]["name"]),
        (&json!("Off (change request queues)"), &json!("ana"))
    );
    assert_eq!(default_of(&server, "always").await, "off");
    for verb in ["merge", "approve", "close"] {
        act(&ben, "queues", verb).await.problem(409, "not_open");
    }
    let again = json!({"title": "Off", "changes": [{"put": flag("always", "on")}]});
    ana.put(&format!("{ALL}/queues"), &again).await.problem(409, "not_open");
}

#[tokio::test]
async fn a_list_tells_what_the_open_ones_lack() {
    let (server, ana, ben) = guarded(2).await;
    for key in ["one", "two"] {
        opened(&ana, key).await.expect(201);
    }
    act(&ben, "one", "approve").await.expect(200);
    act(&ana, "two", "close").await.expect(200);
    let api = server.admin();
    let listed = api.get(&format!("{ALL}?status=open")).await.expect(200).json();
    let standing = &listed["items"][0]["standing"];
    assert_eq!(
        (&listed["total"], &standing["needed"], &standing["approvedBy"], &standing["mayMerge"]),
        (&json!(1), &json!(2), &json!(["ben"]), &json!(false)),
        "{listed}"
    );
    let closed = api.get(&format!("{ALL}?status=closed")).await.expect(200).json();
    assert_eq!(
        (&closed["items"][0]["document"]["key"], closed["items"][0].get("standing")),
        (&json!("two"), None),
        "{closed}"
    );
    assert_eq!(api.get(ALL).await.expect(200).json()["total"], 2);
}

#[tokio::test]
async fn as_many_people_as_are_asked_for_who_still_may() {
    let (server, ana, ben) = guarded(2).await;
    opened(&ana, "queues").await.expect(201);
    let cleo = server.signed_in_as("cleo", Role::Editor).await;
    act(&ben, "queues", "approve").await.expect(200);
    act(&ana, "queues", "merge").await.problem(409, "not_approved");
    act(&cleo, "queues", "approve").await.expect(200);
    let demoted = json!({"name": "cleo", "role": "viewer"});
    server.admin().put("/api/v1/users/cleo", &demoted).await.expect(200);
    let problem = act(&ana, "queues", "merge").await.problem(409, "not_approved");
    assert!(problem["detail"].as_str().unwrap().contains("2 other people; 1 did"), "{problem}");
    let admin = server.signed_in(Role::Admin).await;
    act(&admin, "queues", "approve").await.expect(200);
    act(&ana, "queues", "merge").await.expect(200);
}

#[tokio::test]
async fn what_changed_since_it_was_looked_at_is_told_and_nothing_is_written() {
    let (server, ana, ben) = guarded(1).await;
    opened(&ana, "queues").await.expect(201);
    act(&ben, "queues", "approve").await.expect(200);
    let glass = ben.header("Usher-Break-Glass", "now");
    let path = "/api/v1/flags/always/environments/production/off";
    let moved = glass.post(path, &json!({"venues": ["anfield"]})).await.expect(200).json()["seq"].clone();
    let seen = view(&server, "queues").await;
    let conflict = &seen["conflicts"][0];
    assert_eq!(
        (&conflict["document"], &conflict["version"], &conflict["by"]),
        (&json!("flag/always"), &moved, &json!("ben"))
    );
    assert_eq!(seen["standing"]["mayMerge"], false);
    let problem = act(&ana, "queues", "merge").await.problem(412, "conflict");
    assert_eq!(
        (&problem["current"]["document"], &problem["current"]["by"]),
        (&json!("flag/always"), &json!("ben"))
    );
    assert_eq!(default_of(&server, "always").await, "on");
    // Looked at again, it has to be approved again.
    let body = json!({"title": "Off", "changes": [{"put": flag("always", "off")}]});
    ben.put(&format!("{ALL}/queues"), &body).await.problem(403, "forbidden");
    let edited = ana.put(&format!("{ALL}/queues"), &body).await.expect(200).json();
    assert_eq!(edited["document"].get("approvals"), None, "{edited}");
    act(&ana, "queues", "merge").await.problem(409, "not_approved");
    // Who approves what they looked at does not approve what it has become.
    let looked = ben.header("If-Match", &format!("\"{}\"", edited["version"]));
    let other =
        json!({"title": "Off", "changes": [{"put": flag("always", "off")}, {"put": flag("banner-2", "on")}]});
    ana.put(&format!("{ALL}/queues"), &other).await.expect(200);
    act(&looked, "queues", "approve").await.problem(412, "conflict");
    // The same, sent again, is no edit; another title is one, for it is what the history will say.
    act(&ben, "queues", "approve").await.expect(200);
    let edited = ana.put(&format!("{ALL}/queues"), &other).await.expect(200).json();
    assert_eq!(edited["document"]["approvals"].as_array().unwrap().len(), 1, "{edited}");
    let mut named = other.clone();
    named["title"] = json!("Off, and a new one");
    let edited = ana.put(&format!("{ALL}/queues"), &named).await.expect(200).json();
    assert_eq!(edited["document"].get("approvals"), None, "{edited}");
    act(&ben, "queues", "approve").await.expect(200);
    act(&ben, "queues", "merge").await.expect(200);
}

#[tokio::test]
async fn a_freeze_holds_it_up_and_what_needs_an_admin_is_approved_by_one() {
    let (server, ana, ben) = guarded(1).await;
    let century = json!({"key": "final", "reason": "Cup final", "from": "2026-01-01T00:00:00Z", "until": "2126-01-01T00:00:00Z"});
    opened(&ana, "queues").await.expect(201);
    act(&ben, "queues", "approve").await.expect(200);
    server.admin().put("/api/v1/freezes/final", &century).await.expect(201);
    act(&ana, "queues", "merge").await.problem(409, "frozen");
    assert_eq!(view(&server, "queues").await["document"]["status"], "open");
    let glass = ana.header("Usher-Break-Glass", "cannot wait");
    act(&glass, "queues", "merge").await.expect(200);

    let changes = json!([{"delete": {"kind": "freeze", "key": "final"}}]);
    let body = json!({"key": "thaw", "title": "Thaw", "changes": changes});
    ana.post(ALL, &body).await.problem(403, "forbidden");
    server.admin().post(ALL, &body).await.expect(201);
    act(&ben, "thaw", "merge").await.problem(403, "forbidden");
    server.admin().post(&format!("{ALL}/thaw/close"), &json!({"message": "not now"})).await.expect(200);
    act(&server.admin(), "thaw", "merge").await.problem(409, "not_open");
}

#[tokio::test]
async fn what_makes_no_sense_is_not_opened_and_nothing_is_smuggled_in() {
    let (server, ana, _) = guarded(1).await;
    let seed = server.seq();
    let open = async |changes: Value| ana.post(ALL, &json!({"title": "t", "changes": changes})).await;
    open(json!([])).await.problem(400, "invalid");
    open(json!([{"put": flag("always", "maybe")}])).await.problem(400, "invalid");
    open(json!([{"delete": {"kind": "cohort", "key": "staff"}}])).await.problem(400, "invalid");
    open(json!([{"delete": {"kind": "user", "key": "ana"}}])).await.problem(400, "invalid");
    open(json!([{"delete": {"kind": "changeRequest", "key": "x"}}])).await.problem(400, "invalid");
    open(json!([{"delete": {"kind": "flag", "key": "nothing"}}])).await.problem(404, "not_found");
    let stale =
        json!({"title": "t", "changes": [{"put": flag("always", "off")}], "expected": {"flag/always": 1}});
    ana.post(ALL, &stale).await.problem(412, "conflict");
    let past =
        json!({"title": "t", "changes": [{"put": flag("always", "off")}], "applyAt": "2020-01-01T00:00:00Z"});
    ana.post(ALL, &past).await.problem(400, "invalid");
    let forged = json!({"kind": "changeRequest", "key": "x", "title": "t", "status": "open", "expected": {},
        "opened": "2026-01-01T00:00:00Z", "author": {"kind": "user", "id": "ben", "name": "ben"},
        "approvals": [{"by": {"kind": "user", "id": "ben", "name": "ben"}, "at": "2026-01-01T00:00:00Z"}],
        "changes": [{"put": flag("always", "off")}]});
    let commit = json!({"message": "m", "changes": [{"put": forged}]});
    server.admin().post("/api/v1/commits", &commit).await.problem(400, "invalid");
    assert_eq!(server.seq(), seed, "nothing was written");
    let made = open(json!([{"put": flag("always", "off")}])).await.expect(201).json();
    assert!(made["document"]["key"].as_str().unwrap().starts_with("cr-"), "{made}");
    let page = ana.get(&format!("{ALL}?limit=1")).await.expect(200).json();
    assert_eq!((&page["total"], &page["items"][0]["document"]["status"]), (&json!(1), &json!("open")));
    // Bringing everything back does not open or approve anything again.
    let key = made["document"]["key"].as_str().unwrap();
    let opened = server.seq();
    act(&ana, key, "close").await.expect(200);
    let back = json!({"to": {"seq": opened}, "scope": {"everything": true}});
    server.admin().post("/api/v1/rollback", &back).await.expect(200);
    assert_eq!(view(&server, key).await["document"]["status"], "closed");
    let export = server.admin().get("/api/v1/export").await.json().to_string();
    assert!(!export.contains("changeRequest"));
}

#[tokio::test]
async fn with_a_time_it_is_made_by_itself_once_it_is_approved_and_due() {
    let (server, ana, ben) = guarded(1).await;
    let body = |key: &str, flag_key: &str, seconds: i64| json!({"key": key, "title": "Off", "applyAt": soon(seconds), "changes": [{"put": flag(flag_key, "off")}]});
    ana.post(ALL, &body("late", "always", 1)).await.expect(201);
    ana.post(ALL, &body("early", "hidden", 3)).await.expect(201);
    ana.post(ALL, &body("moved", "for-staff", 3)).await.expect(201);
    act(&ben, "early", "approve").await.expect(200);
    act(&ben, "moved", "approve").await.expect(200);
    let glass = ben.header("Usher-Break-Glass", "now");
    glass.post("/api/v1/flags/for-staff/environments/production/off", &json!({})).await.expect(200);
    assert!(view(&server, "early").await["due"]["at"].is_string());
    let ended = async |key: &str| view(&server, key).await["document"].get("outcome").is_some();
    eventually("early is made", async || ended("early").await).await;
    let early = view(&server, "early").await["document"].clone();
    assert_eq!(
        (&early["status"], &early["outcome"]["result"]),
        (&json!("merged"), &json!("done")),
        "{early}"
    );
    let commit = server.admin().get(&format!("/api/v1/commits/{}", early["outcome"]["commit"])).await.json();
    assert_eq!(
        (&commit["actor"]["name"], &commit["changes"][0]["key"]),
        (&json!("Change requests"), &json!("hidden"))
    );
    eventually("moved is not made", async || ended("moved").await).await;
    let moved = view(&server, "moved").await["document"].clone();
    assert_eq!(
        (&moved["status"], &moved["outcome"]["result"]),
        (&json!("open"), &json!("failed")),
        "{moved}"
    );
    assert!(moved["outcome"]["reasons"][0].as_str().unwrap().contains("ben changed it"), "{moved}");
    // Nor is what a freeze forbids.
    let frozen = json!({"key": "derby", "reason": "Derby", "venues": ["anfield"],
        "from": "2026-01-01T00:00:00Z", "until": "2126-01-01T00:00:00Z"});
    server.admin().put("/api/v1/freezes/derby", &frozen).await.expect(201);
    ana.post(ALL, &body("frozen", "resale-guard", 1)).await.expect(201);
    act(&ben, "frozen", "approve").await.expect(200);
    eventually("frozen is not made", async || ended("frozen").await).await;
    let held = view(&server, "frozen").await["document"].clone();
    assert_eq!((&held["status"], &held["outcome"]["result"]), (&json!("open"), &json!("refused")), "{held}");
    // Due, it waits for somebody.
    assert_eq!(default_of(&server, "always").await, "on");
    server.admin().delete("/api/v1/freezes/derby").await.expect(200);
    act(&ben, "late", "approve").await.expect(200);
    eventually("late is made", async || ended("late").await).await;
    assert_eq!(default_of(&server, "always").await, "off");
}

#[tokio::test]
async fn the_clocks_of_one_that_waits_stay() {
    let (server, ana, _) = guarded(1).await;
    let glass = server.admin().header("Usher-Break-Glass", "set up");
    let arena = json!({"key": "arena", "name": "Arena", "timeZone": "Europe/Berlin"});
    glass.put("/api/v1/venues/arena", &arena).await.expect(201);
    let body = json!({"key": "timed", "title": "t", "changes": [{"put": flag("always", "off")}],
        "applyAt": {"local": "2098-05-15T18:00", "venue": "arena"}});
    ana.post(ALL, &body).await.expect(201);
    let seen = view(&server, "timed").await;
    assert_eq!(seen["due"]["at"], "2098-05-15T16:00:00.000Z", "{seen}");
    let problem = glass.delete("/api/v1/venues/arena").await.problem(400, "invalid");
    assert!(problem.to_string().contains("changeRequest/timed"), "{problem}");
    act(&ana, "timed", "close").await.expect(200);
    glass.delete("/api/v1/venues/arena").await.expect(200);
}

#[tokio::test]
async fn who_has_begun_a_release_does_not_let_it_go_on_alone() {
    let (server, ana, ben) = guarded(1).await;
    let unplanned = server.seq();
    let plan = json!({"kind": "release", "key": "r", "flag": "always", "environment": "production", "variant": "on",
        "control": "off", "stages": [{"name": "one", "venues": ["anfield"], "bake": "1h", "requires": {"approval": true}}, {"name": "all"}]});
    ana.post(ALL, &json!({"key": "plan", "title": "Plan", "changes": [{"put": plan}]})).await.expect(201);
    act(&ben, "plan", "approve").await.expect(200);
    act(&ben, "plan", "merge").await.expect(200);
    let step = async |by: &Api, step: &str| by.post(&format!("/api/v1/releases/r/{step}"), &json!({})).await;
    step(&ana, "start").await.expect(200);
    step(&ana, "approve").await.problem(403, "approval_needed");
    step(&server.admin(), "approve").await.problem(403, "approval_needed");
    // To pass over an approval is to give it.
    step(&ana, "promote").await.problem(403, "approval_needed");
    let approved = step(&ben, "approve").await.expect(200).json()["seq"].as_u64().unwrap();
    // Nor by bringing back what somebody else has said, and said no more since.
    let progress =
        async || server.admin().get("/api/v1/releases/r").await.expect(200).json()["progress"].clone();
    let back = async |by: &Api, seq: u64, scope: Value| {
        by.post("/api/v1/rollback", &json!({"to": {"seq": seq}, "scope": scope})).await
    };
    let alone = json!({"kind": "release", "key": "r"});
    let alone_again = async || {
        for verb in ["promote", "approve"] {
            step(&ana, verb).await.problem(403, "approval_needed");
        }
    };
    ben.post(&format!("/api/v1/commits/{approved}/undo"), &json!({})).await.expect(200);
    alone_again().await;
    back(&ana, approved, alone.clone()).await.expect(200);
    alone_again().await;
    step(&ben, "approve").await.expect(200);
    step(&ana, "promote").await.expect(200);
    // One that is over does not come back while its flag stays as it is.
    step(&ana, "rollback").await.expect(200);
    back(&ana, approved, alone.clone()).await.expect(200);
    assert_eq!(progress().await["status"], "rolledBack");
    step(&ana, "promote").await.problem(400, "invalid");
    // Together with its flag it is hers who brings it back, whoever had begun it.
    let glass = ana.header("Usher-Break-Glass", "as it was");
    back(&glass, approved, json!({"everything": true})).await.expect(200);
    assert_eq!(progress().await["status"], "paused");
    alone_again().await;
    step(&ana, "rollback").await.expect(200);
    let bens = step(&ben, "start").await.expect(200).json()["seq"].as_u64().unwrap();
    step(&ben, "rollback").await.expect(200);
    back(&glass, bens, json!({"everything": true})).await.expect(200);
    alone_again().await;
    step(&ben, "approve").await.expect(200);
    // Nor is it taken away alone, and its flag left to serve what nobody watches.
    back(&ana, unplanned, alone.clone()).await.problem(409, "running");
    step(&ana, "rollback").await.expect(200);
    // Where nobody asks for approvals, it is as it was.
    asks(&server, 0).await;
    let begun = step(&ana, "start").await.expect(200).json()["seq"].as_u64().unwrap();
    step(&ana, "approve").await.expect(200);
    step(&ana, "rollback").await.expect(200);
    back(&ana, begun, alone).await.expect(200);
    assert_eq!(progress().await["status"], "rolledBack", "or it would go on while it serves nobody");
}
