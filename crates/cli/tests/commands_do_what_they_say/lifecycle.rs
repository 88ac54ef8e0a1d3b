//! `usher flag about`, `stale` and `archive`, and `usher refs`.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Server, fixtures, run_with_input};

/// A flag that is past its day, by its key and owner.
fn old(server: &Server, key: &str, owner: &str) {
    let mut flag = fixtures::flag(key);
    flag.as_object_mut().unwrap().remove("kind");
    flag["owner"] = owner.into();
    flag["expires"] = "2020-12-31".into();
    let set = ["flag", "set", key, "--file", "-"];
    run_with_input(&mut server.usher(&set), &flag.to_string()).ok();
}

#[test]
fn what_is_said_of_a_flag_is_changed_and_the_rest_stays() {
    let server = Server::seeded();
    let before = server.json(&["flag", "get", "resale-guard"]);
    let about = ["flag", "about", "resale-guard"];
    let more =
        ["--owner", "gates", "--tag", "doors", "--tag", "resale", "--expires", "2027-06-30", "-m", "Moved"];
    server.run(&[&about[..], &more].concat()).ok().says(&["resale-guard is described (commit 3)"]);
    let flag = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!((&flag["owner"], &flag["tags"]), (&json!("gates"), &json!(["doors", "resale"])));
    assert_eq!((&flag["expires"], &flag["environments"]), (&json!("2027-06-30"), &before["environments"]));
    let more =
        ["--owner", "", "--untag", "doors", "--tag", "resale", "--expires", "", "--lifecycle", "permanent"];
    server.run(&[&about[..], &more].concat()).ok();
    let flag = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!((flag.get("owner"), &flag["tags"], flag.get("expires")), (None, &json!(["resale"]), None));
    assert_eq!(flag["lifecycle"], "permanent");
    server.run(&[&about[..], &["--expires", "soon"]].concat()).fails(3, &["expires", "soon"]);
    server.run(&["flag", "about", "no-such-flag", "--owner", "x"]).fails(3, &["no-such-flag"]);
    let listed = |more: &[&str]| server.json(&[&["flag", "ls"], more].concat()).as_array().unwrap().len();
    assert_eq!(
        (listed(&["--tag", "resale"]), listed(&["--owner", "payments"]), listed(&["--tag", "x"])),
        (1, 1, 0)
    );
}

#[test]
fn stale_flags_are_listed_with_the_reason_and_what_to_do() {
    let server = Server::seeded();
    server.run(&["flag", "stale"]).ok().says(&["KEY", "WHY"]);
    assert_eq!(server.json(&["flag", "stale"]), json!([]));
    old(&server, "old-a", "payments");
    old(&server, "old-b", "gates");
    server.run(&["flag", "stale", "--owner", "gates"]).ok().says(&[
        "old-b",
        "2021-01-01",
        "It should have been gone by 2020-12-31.",
        "usher refs",
    ]);
    let keys = |more: &[&str]| {
        let all = server.json(&[&["flag", "stale"], more].concat());
        all.as_array().unwrap().iter().map(|own| own["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["old-a", "old-b"]);
    assert_eq!(keys(&["--reason", "expired", "-e", "production"]), ["old-a", "old-b"]);
    assert_eq!(keys(&["--reason", "never-evaluated"]), Vec::<String>::new());
    server.run(&["flag", "stale", "--reason", "ugly"]).fails(2, &["ugly"]);
    server.run(&["flag", "stale", "--days", "99"]).fails(3, &["days"]);
}

#[test]
fn a_repository_is_looked_through_as_its_version_control_sees_it() {
    let server = Server::seeded();
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("src/gate.rs", b"fn main() {\n    client.boolean(\"resale-guard\", &context, false);\n}\n");
    write("web/app.ts", b"client.getBooleanValue('resale-gaurd', false)\nask('new-checkout')\n");
    write("web/dist/app.js", b"ask('new-checkout')\n");
    write(".gitignore", b"dist/\n");
    write(".git/config", b"'new-checkout'\n");
    write("image.png", b"\0'new-checkout'\n");
    write("large.txt", &[b"'new-checkout'\n".as_slice(), &[b' '; 1024 * 1024]].concat());
    let path = folder.path().to_str().unwrap();
    let named = ["refs", path, "--repository", "acme/web", "--commit", "4f1c2d9"];
    let dry = server.run(&[&named[..], &["--dry-run"]].concat()).expect(0);
    for part in ["src/gate.rs:2", "web/app.ts:2", "2 places name 2 flags, in 3 files; not reported"] {
        assert!(dry.stdout.contains(part), "{part}: {dry:?}");
    }
    assert!(dry.stderr.contains("web/app.ts:1 asks for `resale-gaurd`, which there is not."), "{dry:?}");
    server.run(&named).expect(0).says(&["acme/web: 2 places name 2 flags, in 3 files; reported"]);
    let told = server.json(&named);
    assert_eq!(
        (&told["files"], &told["passedOver"], &told["reported"]),
        (&json!(3), &json!(2), &json!(true))
    );
    assert_eq!(told["unknown"][0]["flag"], "resale-gaurd");
    old(&server, "old-a", "payments");
    let stale: Value = server.json(&["flag", "stale"]);
    assert_eq!(stale[0]["references"], 0, "{stale}");
    server.run(&["flag", "archive", "new-checkout"]).fails(3, &["acme/web", "web/app.ts:2", "--even-so"]);
    assert_eq!(server.json(&["flag", "get", "new-checkout"]).get("lifecycle"), None);
    server.run(&["flag", "archive", "new-checkout", "--even-so"]).ok().says(&["new-checkout is archived"]);
    server.run(&["refs", "no-such-folder"]).fails(1, &["no-such-folder"]);
}
