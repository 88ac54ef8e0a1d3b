//! `usher venue import`.

use std::{fs, path::Path};

use crate::support::{Done, Server};

const REAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/venues.csv");

fn import(server: &Server, csv: impl AsRef<[u8]>) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("venues.csv");
    fs::write(&file, csv).unwrap();
    import_file(server, &file)
}

fn import_file(server: &Server, file: &Path) -> Done {
    server.run(&["venue", "import", file.to_str().unwrap(), "--message", "The season"])
}

#[test]
fn the_real_venues_are_imported_in_one_commit() {
    let server = Server::start();
    let rows = fs::read_to_string(REAL).unwrap().lines().count() - 1;
    import_file(&server, Path::new(REAL)).ok().says(&[&format!("{rows} venues imported (commit 2)")]);
    assert_eq!(server.json(&["venue", "ls"]).as_array().unwrap().len(), rows);
    let wembley = server.json(&["venue", "get", "wembley-stadium"]);
    assert_eq!((&wembley["city"], &wembley["capacity"]), (&"London".into(), &90_000.into()));
    assert_eq!(server.json(&["journal", "ls", "--limit", "1"])[0]["message"], "The season");
}

#[test]
fn what_else_is_known_of_a_venue_stays() {
    let server = Server::seeded();
    let csv = "key,name,city,country,capacity\nanfield,Anfield Road,Liverpool,England,61276\n";
    import(&server, csv).ok().says(&["1 venue imported"]);
    let anfield = server.json(&["venue", "get", "anfield"]);
    assert_eq!((&anfield["name"], &anfield["capacity"]), (&"Anfield Road".into(), &61_276.into()));
    assert_eq!(anfield["tags"][0], "football");
}

#[test]
fn columns_may_come_in_any_order_and_capacity_may_be_unknown() {
    let server = Server::start();
    let csv =
        "\u{feff}capacity,opened, key ,country,city,name\r\n,1923,dome,Germany,Berlin,\"Dome, the\"\r\n";
    import(&server, csv).ok();
    let dome = server.json(&["venue", "get", "dome"]);
    assert_eq!(dome["name"], "Dome, the");
    assert_eq!(dome.get("capacity"), None);
}

#[test]
fn a_bad_file_is_refused_by_line_and_column_and_nothing_is_written() {
    let server = Server::start();
    let head = "key,name,city,country,capacity\nanfield,Anfield,Liverpool,England,61276\n";
    let with = |line: &str| format!("{head}{line}\n");
    for (csv, code, told) in [
        (String::new(), 2, vec!["line 1", "column key", "key,name,city,country,capacity"]),
        (head.lines().next().unwrap().to_owned(), 2, vec!["line 2", "no venues"]),
        ("key,name,city,capacity\na,A,B,1\n".to_owned(), 2, vec!["line 1", "column country", "missing"]),
        (with("dome,Dome,Berlin,Germany,many"), 2, vec!["line 3", "column capacity", "`many`", "digits"]),
        (with("dome,Dome,Berlin,Germany,-1"), 2, vec!["line 3", "column capacity", "`-1`"]),
        (with("anfield,Anfield,Liverpool,England,1"), 2, vec!["line 3", "column key", "`anfield`", "line 2"]),
        (with(",Dome,Berlin,Germany,1"), 2, vec!["line 3", "column key", "empty"]),
        (with("dome,Dome,the, Berlin,Germany,1"), 2, vec!["line 3", "6 columns", "quote"]),
        (with("the dome,Dome,Berlin,Germany,1"), 3, vec!["key", "the dome"]),
    ] {
        let done = import(&server, &csv).fails(code, &told);
        assert!(code == 3 || done.stderr.contains("venues.csv"), "{done:?}");
    }
    import(&server, b"key,name,city,country,capacity\na,Maracan\xe3,Rio,Brazil,1\n")
        .fails(2, &["line 2", "UTF-8"]);
    server.run(&["venue", "import", "no-such.csv"]).fails(1, &["no-such.csv"]);
    assert_eq!(server.json(&["journal", "ls"]).as_array().unwrap().len(), 1, "nothing was written");
}
