//! Switching flags, taking back, and looking back.

use crate::support::{Server, fixtures};
use serde_json::{Value, json};
use usher_core::model::Role;

/// What somebody gets: variant and reason.
async fn gets(server: &Server, flag: &str, context: Value) -> String {
    gets_at(server, flag, context, None).await
}

async fn gets_at(server: &Server, flag: &str, context: Value, at: Option<u64>) -> String {
    let mut question = json!({"environment": "production", "flag": flag, "context": context});
    if let Some(at) = at {
        question["at"] = at.to_string().into();
    }
    let answer = server.admin().post("/api/v1/evaluate", &question).await.expect(200).json();
    let own = &answer["evaluations"][0];
    format!("{} {}", own["variant"].as_str().unwrap_or("nothing"), own["reason"].as_str().unwrap())
}

fn at(venue: &str) -> Value {
    json!({"targetingKey": "u-1", "venue": venue})
}

async fn act(server: &Server, flag: &str, action: &str, target: Value) -> Value {
    let path = format!("/api/v1/flags/{flag}/environments/production/{action}");
    server.admin().post(&path, &target).await.expect(200).json()
}

#[tokio::test]
async fn a_kill_at_a_venue_is_felt_there_alone_until_it_is_revived() {
    let server = Server::seeded().await;
    assert_eq!(gets(&server, "always", at("anfield")).await, "on STATIC");
    let killed =
        act(&server, "always", "kill", json!({"venues": ["anfield"], "message": "Queue too long"})).await;
    assert_eq!(killed["version"], server.seq());
    assert_eq!(killed["document"]["environments"]["production"]["killed"]["venues"], json!(["anfield"]));
    assert_eq!(gets(&server, "always", at("anfield")).await, "off DISABLED");
    assert_eq!(gets(&server, "always", at("wembley-stadium")).await.split(' ').next(), Some("on"));
    let history = server.admin().get("/api/v1/commits?limit=1").await.expect(200).json();
    assert_eq!(history["items"][0]["message"], "Queue too long");
    act(&server, "always", "revive", json!({"venues": ["anfield"]})).await;
    assert_eq!(gets(&server, "always", at("anfield")).await, "on STATIC");
}

#[tokio::test]
async fn a_kill_for_a_cohort_is_felt_by_it_alone() {
    let server = Server::seeded().await;
    act(&server, "always", "kill", json!({"cohorts": ["staff"]})).await;
    assert_eq!(gets(&server, "always", json!({"targetingKey": "u-staff"})).await, "off DISABLED");
    assert!(gets(&server, "always", json!({"targetingKey": "u-1"})).await.starts_with("on "));
}

#[tokio::test]
async fn flags_are_turned_on_and_off_and_at_venues() {
    let server = Server::seeded().await;
    act(&server, "off", "on", json!({})).await;
    assert_eq!(gets(&server, "off", at("anfield")).await, "on STATIC");
    act(&server, "off", "off", json!({"venues": ["anfield"]})).await;
    assert_eq!(gets(&server, "off", at("anfield")).await, "off TARGETING_MATCH");
    assert!(gets(&server, "off", at("berlin-dome")).await.starts_with("on "));
    act(&server, "off", "clear", json!({"venues": ["anfield"]})).await;
    assert_eq!(gets(&server, "off", at("anfield")).await, "on STATIC");
    act(&server, "off", "off", json!({})).await;
    assert_eq!(gets(&server, "off", at("anfield")).await, "off DISABLED");
    act(&server, "banner", "on", json!({"venues": ["anfield"], "variant": "on"})).await;
    let before = server.seq();
    let again = act(&server, "banner", "on", json!({"venues": ["anfield"], "variant": "on"})).await;
    assert_eq!((again["seq"].as_u64(), server.seq()), (Some(before), before), "nothing to do, no commit");
    server.admin().post("/api/v1/flags/always/archive", &json!({})).await.expect(200);
    assert_eq!(gets(&server, "always", at("anfield")).await, "off DISABLED");
}

#[tokio::test]
async fn a_kill_outlives_every_way_of_saving() {
    let server = Server::seeded().await;
    let original = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    act(&server, "always", "kill", json!({})).await;
    act(&server, "always", "kill", json!({"venues": ["anfield"]})).await;
    act(&server, "always", "kill", json!({"cohorts": ["staff"]})).await;
    let killed = json!({"all": true, "venues": ["anfield"], "cohorts": ["staff"]});
    let still = async |how: &str| {
        let flag = server.admin().get("/api/v1/flags/always").await.expect(200).json();
        assert_eq!(flag["environments"]["production"]["killed"], killed, "{how}");
        assert!(flag["environments"]["staging"].get("killed").is_none(), "{how}");
    };
    let saved = server.admin().put("/api/v1/flags/always", &original).await.expect(200).json();
    assert_eq!(saved["document"]["environments"]["production"]["killed"], killed, "the answer tells");
    still("saving it").await;
    let mut elsewhere = original.clone();
    elsewhere["environments"].as_object_mut().unwrap().shift_remove("production");
    server.admin().put("/api/v1/flags/always", &elsewhere).await.expect(200);
    server.admin().put("/api/v1/flags/always", &original).await.expect(200);
    still("taking the environment out and in again").await;
    let commit = json!({"message": "import", "changes": [{"put": original}]});
    server.admin().post("/api/v1/commits", &commit).await.expect(201);
    still("a commit of many").await;
    for scope in
        [json!({"everything": true}), json!({"flag": "always"}), json!({"kind": "flag", "key": "always"})]
    {
        let rollback = json!({"to": {"seq": 2}, "scope": scope});
        server.admin().post("/api/v1/rollback", &rollback).await.expect(200);
        still("rolling back").await;
    }
    act(&server, "always", "on", json!({})).await;
    act(&server, "always", "on", json!({"venues": ["anfield"]})).await;
    still("turning it on").await;
    assert_eq!(gets(&server, "always", at("berlin-dome")).await, "off DISABLED");
    for target in [json!({}), json!({"venues": ["anfield"]}), json!({"cohorts": ["staff"]})] {
        act(&server, "always", "revive", target).await;
    }
    assert!(gets(&server, "always", at("berlin-dome")).await.starts_with("on "));
}

#[tokio::test]
async fn a_kill_is_not_lost_to_somebody_who_saves_at_the_same_moment() {
    let server = Server::seeded().await;
    let mut flag = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    for n in 0..30 {
        flag["name"] = format!("Name {n}").into();
        let (admin, other) = (server.admin(), server.admin());
        let save = admin.put("/api/v1/flags/always", &flag);
        let target = json!({});
        let kill = other.post("/api/v1/flags/always/environments/production/kill", &target);
        let (saved, killed) = tokio::join!(save, kill);
        saved.expect(200);
        killed.expect(200);
        assert_eq!(gets(&server, "always", at("anfield")).await, "off DISABLED", "round {n}");
        act(&server, "always", "revive", json!({})).await;
    }
}

#[tokio::test]
async fn people_in_a_hurry_at_once_all_get_their_way() {
    let server = Server::seeded().await;
    let venues = ["anfield", "wembley-stadium", "berlin-dome"];
    let targets: Vec<Value> = venues.iter().map(|venue| json!({"venues": [venue]})).collect();
    let admin = server.admin();
    let kills =
        targets.iter().map(|target| admin.post("/api/v1/flags/always/environments/production/kill", target));
    for answer in futures_util::future::join_all(kills).await {
        answer.expect(200);
    }
    for venue in venues {
        assert_eq!(gets(&server, "always", at(venue)).await, "off DISABLED", "{venue}");
    }
}

#[tokio::test]
async fn a_commit_is_undone_unless_its_documents_have_changed_since() {
    let server = Server::seeded().await;
    let kill = act(&server, "always", "kill", json!({"venues": ["anfield"]})).await["seq"].as_u64().unwrap();
    let undo = format!("/api/v1/commits/{kill}/undo");
    let undone =
        server.admin().post(&undo, &json!({"message": "It was the turnstile"})).await.expect(200).json();
    assert_eq!(undone["seq"], kill + 1);
    assert_eq!(gets(&server, "always", at("anfield")).await, "on STATIC");
    let problem = server.admin().post(&undo, &json!({})).await.problem(409, "undo_conflict");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("commit {}", kill + 1)), "{problem}");
    // Undoing the undoing kills again.
    server.admin().post(&format!("/api/v1/commits/{}/undo", kill + 1), &json!({})).await.expect(200);
    assert_eq!(gets(&server, "always", at("anfield")).await, "off DISABLED");
    // By force: what a later commit has killed stays killed.
    act(&server, "always", "kill", json!({"venues": ["berlin-dome"]})).await;
    server.admin().post(&undo, &json!({"force": true})).await.expect(200);
    assert_eq!(gets(&server, "always", at("anfield")).await, "off DISABLED");
    let last = format!("/api/v1/commits/{}/undo", kill + 2);
    server.admin().post(&last, &json!({"force": true})).await.expect(200);
    assert_eq!(gets(&server, "always", at("anfield")).await.split(' ').next(), Some("on"));
    assert_eq!(gets(&server, "always", at("berlin-dome")).await, "off DISABLED");
    // What was made is gone, and comes back.
    server.admin().put("/api/v1/cohorts/new", &json!({"key": "new", "name": "New"})).await.expect(201);
    let made = server.seq();
    server.admin().post(&format!("/api/v1/commits/{made}/undo"), &json!({})).await.expect(200);
    server.admin().get("/api/v1/cohorts/new").await.problem(404, "not_found");
    server.admin().post(&format!("/api/v1/commits/{}/undo", made + 1), &json!({})).await.expect(200);
    server.admin().get("/api/v1/cohorts/new").await.expect(200);
}

#[tokio::test]
async fn rolling_back_restores_the_scope_and_nothing_else() {
    let server = Server::seeded().await;
    let before = server.seq();
    act(&server, "banner", "on", json!({"venues": ["anfield", "berlin-dome"], "variant": "off"})).await;
    act(&server, "limit", "off", json!({})).await;
    let rollback = async |scope: Value| {
        let body = json!({"to": {"seq": before}, "scope": scope, "message": "Back"});
        server.admin().post("/api/v1/rollback", &body).await.expect(200).json()
    };
    rollback(json!({"flag": "banner", "venue": "anfield", "environment": "production"})).await;
    let flag = server.admin().get("/api/v1/flags/banner").await.json();
    assert_eq!(flag["environments"]["production"]["venues"], json!({"berlin-dome": "off"}));
    assert_eq!(gets(&server, "limit", at("anfield")).await, "off DISABLED");
    rollback(json!({"everything": true})).await;
    assert!(gets(&server, "limit", at("anfield")).await.starts_with("on "));
    let seq = server.seq();
    assert_eq!(
        rollback(json!({"everything": true})).await["seq"],
        seq,
        "nothing differs, nothing is written"
    );
    assert_eq!(server.seq(), seq);
    let (now, then) = (export(&server, "").await, export(&server, &format!("?at={before}")).await);
    assert_eq!(now["documents"], then["documents"]);
    // Keys are never brought back: one that was revoked stays so.
    let (secret, id) =
        server.new_key(json!({"name": "k", "type": "server", "environment": "production"})).await;
    let alive = server.seq();
    server.admin().post(&format!("/api/v1/keys/{id}/revoke"), &json!({})).await.expect(200);
    let body = json!({"to": {"seq": alive}, "scope": {"everything": true}});
    server.admin().post("/api/v1/rollback", &body).await.expect(200);
    server.with(&secret).get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
}

async fn export(server: &Server, query: &str) -> Value {
    server.admin().get(&format!("/api/v1/export{query}")).await.expect(200).json()
}

#[tokio::test]
async fn every_read_goes_back_in_time() {
    let server = Server::seeded().await;
    let before = server.seq();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let killed = act(&server, "always", "kill", json!({})).await;
    assert_eq!(gets_at(&server, "always", at("anfield"), Some(before)).await, "on STATIC");
    assert_eq!(gets_at(&server, "always", at("anfield"), Some(server.seq())).await, "off DISABLED");
    assert_eq!(gets_at(&server, "always", at("anfield"), Some(1)).await, "nothing ERROR");
    let read = async |query: &str| {
        let flag = server.admin().get(&format!("/api/v1/flags/always?at={query}")).await.expect(200);
        (flag.header("etag").to_owned(), flag.json()["environments"]["production"].get("killed").is_some())
    };
    assert_eq!(read(&before.to_string()).await, (format!("\"{before}\""), false));
    assert!(read(killed["at"].as_str().unwrap()).await.1);
    let list = server.admin().get("/api/v1/flags?at=1").await.expect(200).json();
    assert_eq!((list["total"].clone(), list["seq"].clone()), (json!(0), json!(1)));
    let board = |at: u64| format!("/api/v1/board?environment=production&flags=always&at={at}");
    let of = async |at| {
        server.admin().get(&board(at)).await.expect(200).json()["flags"][0]["killed"]["all"].clone()
    };
    assert_eq!((of(before).await, of(server.seq()).await), (json!(false), json!(true)));
    let detail = server.admin().get(&format!("/api/v1/commits/{}", server.seq())).await.expect(200).json();
    let change = &detail["changes"][0];
    assert_eq!(
        (&change["kind"], &change["key"], &change["action"]),
        (&json!("flag"), &json!("always"), &json!("updated"))
    );
    assert!(change["before"]["environments"]["production"].get("killed").is_none());
    assert_eq!(change["after"]["environments"]["production"]["killed"]["all"], true);
}

#[tokio::test]
async fn history_tells_who_did_what_and_why() {
    let server = Server::seeded().await;
    let operator = server.signed_in(Role::Operator).await;
    let kill = json!({"venues": ["anfield"], "message": "Gate 3 is down"});
    operator.post("/api/v1/flags/always/environments/production/kill", &kill).await.expect(200);
    act(&server, "banner", "off", json!({})).await;
    let items = async |query: &str| {
        let page = server.admin().get(&format!("/api/v1/commits?{query}")).await.expect(200).json();
        page["items"].as_array().unwrap().clone()
    };
    let all = items("limit=100").await;
    let seqs: Vec<u64> = all.iter().map(|item| item["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=server.seq()).rev().collect::<Vec<_>>());
    let own = &items("flag=always").await[0];
    assert_eq!(
        (&own["message"], &own["actor"]["name"], &own["actor"]["kind"]),
        (&json!("Gate 3 is down"), &json!("The operator"), &json!("user"))
    );
    assert_eq!(own["changes"], json!([{"kind": "flag", "key": "always", "action": "updated"}]));
    assert_eq!(items("kind=flag&key=banner").await[0]["message"], "Turn off banner in production");
    assert_eq!(items("venue=anfield").await[0]["seq"], own["seq"]);
    assert_eq!(items("flag=nothing").await.len(), 0);
    let mut seen = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = server.admin().get(&format!("/api/v1/commits?{query}")).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()));
        let Some(next) = page["nextBefore"].as_u64() else { break };
        query = format!("limit=1&before={next}");
    }
    assert_eq!(seen, seqs, "page by page it is the same");
}

#[tokio::test]
async fn the_board_tells_what_each_venue_gets() {
    let server = Server::seeded().await;
    act(&server, "always", "kill", json!({"venues": ["anfield"]})).await;
    let path = "/api/v1/board?environment=production&flags=always,resale-guard";
    let board = server.admin().get(path).await.expect(200).json();
    let venues: Vec<&str> =
        board["venues"].as_array().unwrap().iter().map(|venue| venue["key"].as_str().unwrap()).collect();
    assert_eq!(venues, ["anfield", "berlin-dome", "wembley-stadium"]);
    let cells = |n: usize| -> Vec<String> {
        let flag = &board["flags"][n];
        let cells = flag["cells"].as_array().unwrap().iter().map(|cell| {
            let outcome = &flag["outcomes"][usize::try_from(cell.as_u64().unwrap()).unwrap()];
            format!("{} {}", outcome["variant"].as_str().unwrap_or("-"), outcome["source"].as_str().unwrap())
        });
        cells.collect()
    };
    assert_eq!(cells(0), ["off killed", "on default", "on default"]);
    assert_eq!(cells(1), ["on rule", "off override", "on rule"]);
    assert_eq!((board["totalFlags"].clone(), board["totalVenues"].clone()), (json!(2), json!(3)));
    // What the venues are needs to be told once only.
    let headless = server.admin().get(&format!("{path}&venueHeads=false")).await.expect(200).json();
    assert_eq!((&headless["venues"], &headless["flags"]), (&json!([]), &board["flags"]));
    assert_eq!((&headless["venuesTag"], &headless["totalVenues"]), (&board["venuesTag"], &json!(3)));
    let mut venue = server.admin().get("/api/v1/venues/anfield").await.expect(200).json();
    venue["name"] = "Anfield Road".into();
    server.admin().put("/api/v1/venues/anfield", &venue).await.expect(200);
    let renamed = server.admin().get(path).await.expect(200).json();
    assert_eq!(renamed["venues"][0]["name"], "Anfield Road");
    assert_ne!(renamed["venuesTag"], board["venuesTag"], "who kept the heads learns that they are old");
    let query = "&country=England&venueSearch=wem&search=GUARD&limit=1";
    let part =
        server.admin().get(&format!("/api/v1/board?environment=production{query}")).await.expect(200).json();
    assert_eq!((part["totalFlags"].clone(), part["totalVenues"].clone()), (json!(1), json!(1)));
}

#[tokio::test]
async fn the_reach_of_a_change_is_told_before_it_is_made() {
    let server = Server::seeded().await;
    let before = server.seq();
    let mut flag = server.admin().get("/api/v1/flags/always").await.json();
    flag["environments"]["production"]["venues"] = json!({"anfield": "off"});
    let draft = json!({"changes": [{"put": flag}], "environment": "production"});
    let reach = server.admin().post("/api/v1/reach", &draft).await.expect(200).json();
    assert_eq!(reach["venues"].as_array().unwrap().len(), 1, "{reach}");
    let own = &reach["venues"][0];
    assert_eq!(
        (&own["key"], &own["before"]["variant"], &own["after"]["variant"]),
        (&json!("anfield"), &json!("on"), &json!("off"))
    );
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn an_export_goes_in_elsewhere_and_comes_out_the_same() {
    let server = Server::seeded().await;
    act(&server, "always", "kill", json!({"venues": ["anfield"]})).await;
    let first = server.admin().get("/api/v1/export").await.expect(200);
    let documents = first.json()["documents"].as_array().unwrap().clone();
    let changes: Vec<Value> = documents.iter().map(|document| json!({"put": document})).collect();
    let other = Server::start().await;
    other
        .admin()
        .post("/api/v1/commits", &json!({"message": "Import", "changes": changes}))
        .await
        .expect(201);
    let second = other.admin().get("/api/v1/export").await.expect(200);
    assert_eq!(first.body, second.body, "byte for byte");
    let verified = other.admin().get("/api/v1/verify").await.expect(200).json();
    assert_eq!((verified["problems"].clone(), verified["commits"].clone()), (json!([]), json!(2)));
}

#[tokio::test]
async fn documents_are_listed_page_by_page_and_found() {
    let server = Server::seeded().await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.admin().get(&format!("/api/v1/flags?limit=2{cursor}")).await.expect(200).json();
        assert_eq!(page["total"], 9);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["document"]["key"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!((seen.len(), &seen), (9, &sorted));
    let found = server.admin().get("/api/v1/venues?search=LIVERPOOL").await.expect(200).json();
    assert_eq!(
        (found["total"].clone(), found["items"][0]["document"]["key"].clone()),
        (json!(1), json!("anfield"))
    );
}

#[tokio::test]
async fn a_flag_may_have_any_name() {
    let server = Server::seeded().await;
    for (key, path) in [
        ("a/b", "a%2Fb"),
        ("résumé neu", "r%C3%A9sum%C3%A9%20neu"),
        ("100%+", "100%25+"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
    ] {
        let path = format!("/api/v1/flags/{path}");
        server
            .admin()
            .put(&path, &fixtures::flag(key, &json!({"default": {"variant": "on"}})))
            .await
            .expect(201);
        assert_eq!(server.admin().get(&path).await.expect(200).json()["key"], key);
        server.admin().post(&format!("{path}/environments/production/kill"), &json!({})).await.expect(200);
        assert_eq!(gets(&server, key, at("anfield")).await, "off DISABLED");
        server.admin().post(&format!("{path}/environments/production/revive"), &json!({})).await.expect(200);
        server.admin().delete(&path).await.expect(200);
    }
}
