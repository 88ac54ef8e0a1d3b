//! The end of a flag: it is found stale for a reason, code that names it is known, and nobody archives it by accident.

use crate::support::{Api, Server, Socket, fixtures};
use serde_json::{Value, json};

fn reference(flag: &str, file: &str, line: u64) -> Value {
    json!({"flag": flag, "file": file, "line": line, "snippet": format!("client.boolean(\"{flag}\")")})
}

async fn report(api: &Api, repository: &str, references: &[Value]) {
    let body = json!({"commit": "4f1c2d9", "references": references});
    api.put(&format!("/api/v1/code-references/{repository}"), &body).await.expect(200);
}

async fn stale(server: &Server, query: &str) -> Value {
    server.admin().get(&format!("/api/v1/stale-flags?{query}")).await.expect(200).json()
}

fn keys(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().filter_map(|own| own["key"].as_str()).collect()
}

/// What still asks for a flag, by kind and name, and whether it has to go first.
async fn askers(api: &Api, flag: &str, body: &Value) -> Vec<(String, String, bool)> {
    let answer = api.post(&format!("/api/v1/flags/{flag}/archive"), body).await;
    let problem = answer.problem(409, "still_asked");
    let askers = problem["askers"].as_array().unwrap().iter();
    let text = |own: &Value, name: &str| own[name].as_str().unwrap().to_owned();
    let all = askers.map(|own| {
        assert!(problem["detail"].as_str().unwrap().contains(&text(own, "detail")), "{problem}");
        (text(own, "kind"), text(own, "name"), own["mustGo"].as_bool().unwrap())
    });
    all.collect()
}

fn asker(kind: &str, name: &str, must_go: bool) -> (String, String, bool) {
    (kind.to_owned(), name.to_owned(), must_go)
}

async fn lifecycle(server: &Server, flag: &str) -> Value {
    server.admin().get(&format!("/api/v1/flags/{flag}")).await.expect(200).json()["lifecycle"].clone()
}

#[tokio::test]
async fn what_is_past_its_day_is_listed_with_reason_owner_tags_and_code() {
    let server = Server::seeded().await;
    let admin = server.admin();
    for (key, owner, tags) in [
        ("old-a", "payments", json!(["resale"])),
        ("old-b", "gates", json!(["resale", "doors"])),
        ("old-c", "gates", json!([])),
    ] {
        let mut flag = fixtures::flag(key, &json!({}));
        flag["owner"] = owner.into();
        flag["tags"] = tags;
        flag["expires"] = "2020-12-31".into();
        admin.put(&format!("/api/v1/flags/{key}"), &flag).await.expect(201);
    }
    let all = stale(&server, "").await;
    assert_eq!((keys(&all), &all["total"]), (vec!["old-a", "old-b", "old-c"], &json!(3)));
    let labels = admin.get("/api/v1/flag-labels").await.expect(200).json();
    let of = |name: &str, count: u64| json!({"name": name, "count": count});
    assert_eq!(labels["owners"], json!([of("gates", 2), of("payments", 1)]));
    assert_eq!(labels["tags"], json!([of("doors", 1), of("resale", 2)]));
    let own = &all["items"][0];
    assert_eq!(
        (&own["owner"], &own["tags"], own.get("references")),
        (&json!("payments"), &json!(["resale"]), None)
    );
    let finding = &own["findings"][0];
    assert_eq!(
        (&finding["reason"], &finding["since"]),
        (&json!("expired"), &json!("2021-01-01T00:00:00.000Z"))
    );
    assert!(finding["mend"].as_str().unwrap().contains("usher refs"), "{finding}");
    report(&admin, "web", &[reference("old-a", "src/a.ts", 3), reference("old-a", "src/b.ts", 7)]).await;
    let all = stale(&server, "").await;
    assert_eq!((&all["items"][0]["references"], &all["items"][1]["references"]), (&json!(2), &json!(0)));
    assert!(all["items"][0]["findings"][0]["mend"].as_str().unwrap().contains("2 places"), "{all}");
    assert!(all["items"][1]["findings"][0]["mend"].as_str().unwrap().contains("safe to archive"), "{all}");
    for (query, expected) in [
        ("owner=gates", vec!["old-b", "old-c"]),
        ("tag=resale", vec!["old-a", "old-b"]),
        ("owner=gates&tag=resale", vec!["old-b"]),
        ("reason=sameAnswer", vec![]),
        ("reason=expired&environment=staging", vec!["old-a", "old-b", "old-c"]),
    ] {
        assert_eq!(keys(&stale(&server, query).await), expected, "{query}");
    }
    let first = stale(&server, "limit=2").await;
    assert_eq!((keys(&first), &first["nextCursor"]), (vec!["old-a", "old-b"], &json!("old-b")));
    let rest = stale(&server, "limit=2&cursor=old-b").await;
    assert_eq!((keys(&rest), rest.get("nextCursor"), &rest["total"]), (vec!["old-c"], None, &json!(3)));
    admin.get("/api/v1/stale-flags?environment=nowhere").await.problem(404, "not_found");
    admin.get("/api/v1/stale-flags?days=31").await.problem(400, "invalid");
    admin.get("/api/v1/stale-flags?reason=ugly").await.problem(400, "invalid");
    // Owners and tags are asked for among all flags, and on the board, too.
    let list = admin.get("/api/v1/flags?owner=gates&tag=doors").await.expect(200).json();
    assert_eq!((&list["total"], &list["items"][0]["document"]["key"]), (&json!(1), &json!("old-b")));
    let board =
        admin.get("/api/v1/board?environment=production&tag=resale&owner=payments").await.expect(200).json();
    assert_eq!((&board["totalFlags"], &board["flags"][0]["key"]), (&json!(1), &json!("old-a")));
}

#[tokio::test]
async fn places_in_code_are_replaced_as_a_whole_kept_and_shown_with_their_flag() {
    let server = Server::seeded().await;
    let admin = server.admin();
    report(&admin, "acme%2Fweb", &[reference("always", "src/a.ts", 3), reference("limit", "src/a.ts", 4)])
        .await;
    report(&admin, "acme%2Fweb", &[reference("always", "src/b.ts", 9)]).await;
    report(&admin, "gates", &[]).await;
    let folder = server.stop().await;
    let server = Server::start_in(folder, |_| {}).await;
    let admin = server.admin();
    let own = admin.get("/api/v1/flags/always/references").await.expect(200).json();
    assert_eq!(own["total"], 1);
    assert_eq!(
        own["references"],
        json!([{"repository": "acme/web", "file": "src/b.ts", "line": 9, "snippet": "client.boolean(\"always\")"}])
    );
    let repositories: Vec<_> =
        own["repositories"].as_array().unwrap().iter().map(|own| &own["repository"]).collect();
    assert_eq!(
        repositories,
        ["acme/web", "gates"],
        "who was looked through and names it nowhere is told, too"
    );
    assert_eq!(own["repositories"][0]["commit"], "4f1c2d9");
    let none = admin.get("/api/v1/flags/limit/references").await.expect(200).json();
    assert_eq!((&none["total"], &none["references"]), (&json!(0), &json!([])));
    admin.get("/api/v1/flags/no-such-flag/references").await.problem(404, "not_found");
    admin.delete("/api/v1/code-references/acme%2Fweb").await.expect(204);
    admin.delete("/api/v1/code-references/acme%2Fweb").await.problem(404, "not_found");
    let left = admin.get("/api/v1/code-references").await.expect(200).json();
    assert_eq!(left["repositories"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_report_that_can_not_be_kept_is_refused_by_field_and_changes_nothing() {
    let server = Server::seeded().await;
    let admin = server.admin();
    report(&admin, "web", &[reference("always", "a", 1)]).await;
    let put = async |references: Value| {
        admin.put("/api/v1/code-references/web", &json!({"references": references})).await
    };
    for (entry, field) in [
        (reference(&"f".repeat(257), "a", 1), "references[0].flag"),
        (reference("f", &"a".repeat(513), 1), "references[0].file"),
        (reference("f", "", 1), "references[0].file"),
        (reference("f", "a\nb", 1), "references[0].file"),
        (json!({"flag": "f", "file": "a", "line": 1, "snippet": "s".repeat(201)}), "references[0].snippet"),
        (json!({"flag": "f", "file": "a", "line": -1}), "references[0].line"),
        (json!({"flag": "f", "file": "a", "line": 1, "colour": "red"}), "references[0].colour"),
    ] {
        let problem = put(json!([entry])).await.problem(400, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let many: Vec<Value> = (0..20_001).map(|n| json!({"flag": "f", "file": "a", "line": n})).collect();
    assert_eq!(put(many.into()).await.problem(400, "invalid")["errors"][0]["field"], "references");
    let own = admin.get("/api/v1/flags/always/references").await.expect(200).json();
    assert_eq!(own["total"], 1);
}

#[tokio::test]
async fn who_still_asks_is_in_the_way_of_archiving_until_somebody_says_even_so() {
    let server = Server::seeded().await;
    let admin = server.admin();
    let program = server.with(&server.key("server").await);
    let context = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    program.post("/ofrep/v1/evaluate/flags/always", &context).await.expect(200);
    report(&admin, "web", &[reference("always", "src/a.ts", 3)]).await;
    let kill = json!({"kill": {"flag": "always", "environment": "production"}});
    admin.put("/api/v1/playbooks/gates", &json!({"key": "gates", "plays": [kill]})).await.expect(201);
    let at = json!({"key": "night", "at": "2098-01-01T00:00:00Z", "plays": [kill]});
    admin.put("/api/v1/schedules/night", &at).await.expect(201);
    let seq = server.seq();
    let expected = [
        asker("evaluations", "production", false),
        asker("code", "web", false),
        asker("playbook", "gates", false),
        asker("schedule", "night", false),
    ];
    assert_eq!(askers(&admin, "always", &json!({})).await, expected);
    let problem = admin.post("/api/v1/flags/always/archive", &json!({})).await.problem(409, "still_asked");
    let said = problem["detail"].as_str().unwrap();
    for part in ["evaluated once in the last 7 days", "at anfield", "src/a.ts:3", "--even-so"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!((server.seq(), lifecycle(&server, "always").await), (seq, Value::Null), "nothing was written");
    admin.post("/api/v1/flags/always/archive", &json!({"evenSo": true})).await.expect(200);
    assert_eq!(lifecycle(&server, "always").await, "archived");
    // What is archived can be archived again.
    admin.post("/api/v1/flags/always/archive", &json!({})).await.expect(200);
    // And one for which nobody asks goes without a word.
    admin.post("/api/v1/flags/limit/archive", &json!({})).await.expect(200);
}

#[tokio::test]
async fn what_would_break_without_it_has_to_change_first() {
    let server = Server::seeded().await;
    let admin = server.admin();
    let mut needs =
        fixtures::flag("needs", &json!({"prerequisites": [{"flag": "always", "variants": ["on"]}]}));
    admin.put("/api/v1/flags/needs", &needs).await.expect(201);
    let plan = json!({"key": "r", "flag": "always", "environment": "staging", "variant": "on", "control": "off",
        "stages": [{"name": "one", "percent": 10, "bake": "10h"}, {"name": "two"}]});
    admin.put("/api/v1/releases/r", &plan).await.expect(201);
    let even_so = json!({"evenSo": true});
    assert_eq!(
        askers(&admin, "always", &json!({})).await,
        [asker("flag", "needs", true), asker("release", "r", false)]
    );
    admin.post("/api/v1/releases/r/start", &json!({})).await.expect(200);
    assert_eq!(
        askers(&admin, "always", &even_so).await,
        [asker("flag", "needs", true), asker("release", "r", true)]
    );
    admin.post("/api/v1/releases/r/rollback", &json!({})).await.expect(200);
    assert_eq!(askers(&admin, "always", &even_so).await, [asker("flag", "needs", true)]);
    needs["lifecycle"] = "archived".into();
    admin.put("/api/v1/flags/needs", &needs).await.expect(200);
    admin.post("/api/v1/flags/always/archive", &json!({})).await.expect(200);
}

#[tokio::test]
async fn programs_that_would_notice_are_told_of_and_those_that_get_all_flags_at_once() {
    let server = Server::seeded().await;
    let admin = server.admin();
    let key = server.key("server").await;
    let mut socket = Socket::ruleset(&server, &key, json!({})).await;
    socket.snapshot().await;
    assert_eq!(askers(&admin, "hidden", &json!({})).await, [asker("clients", "production", false)]);
    // Off, it is as it will be.
    admin.post("/api/v1/flags/off/archive", &json!({})).await.expect(200);
    drop(socket);
    let program = server.with(&key);
    program.post("/ofrep/v1/evaluate/flags", &json!({"context": {"targetingKey": "u"}})).await.expect(200);
    let told = askers(&admin, "banner", &json!({})).await;
    assert!(told.contains(&asker("evaluations", "production", false)), "{told:?}");
}

#[tokio::test]
async fn who_may_not_archive_it_is_told_that_and_nothing_else() {
    let server = Server::seeded().await;
    report(&server.admin(), "web", &[reference("always", "src/a.ts", 3)]).await;
    let bound = json!([{"role": "editor", "environments": ["staging"]}]);
    let somebody = server.signed_in_bound("bo", bound).await;
    somebody.post("/api/v1/flags/always/archive", &json!({})).await.problem(403, "not_in_scope");
    let body = json!({"references": []});
    somebody.put("/api/v1/code-references/web", &body).await.expect(403);
}
