//! Every payload schema is read by the version after it and written for the version before it: a matrix over payloads
//! that real servers sent, which nobody edits afterwards, in both directions and with what nobody knows put into them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use usher_core::{
    Context, ErrorCode, Ruleset,
    model::{Document, Kind},
    protocol::{Action, EvaluatedValue, Machine, RulesetBody, ServerFrame, ValueMap, ValuesBody},
    schema::{self, Form, disk, documents::written, values},
};
use xxhash_rust::xxh3::xxh3_128;

use crate::support::NOW;

/// What was recorded, from a real server and a real SDK, and its checksum. A payload that is edited is none that was
/// ever sent: record a new one beside it instead.
const RECORDED: [(&str, u128); 15] = [
    ("schema-1/documents.json", 0xaa9048a688bfe4862c933caffb72196b),
    ("schema-1/edge-mirror.cache", 0x9d12e151f363c473bab9e5a0c26eb046),
    ("schema-1/ruleset-wembley-stadium.json", 0x986427e699bdcd4a8a01961d03e66f76),
    ("schema-1/ruleset.json", 0x868c84b300f126d2ba2fae2f69ff2ec0),
    ("schema-1/sdk-ruleset.cache", 0x1ac7627f4cbfcc700f550307915ca583),
    ("schema-1/sdk-values.cache", 0x7735d0f9a28fe9e0e7d1ecdfb5ef6816),
    ("schema-1/stream-ruleset.txt", 0xebff85dffe2206c2e8665db78a9e31aa),
    ("schema-1/stream-values.txt", 0xe09cbc4beb0a6946a53f7d5ca3c2d139),
    ("schema-1/values.jsonl", 0x2542bf9da1104455a8a980da76edba84),
    ("schema-2/documents.json", 0x209cc7f5047c3c5320b1105efc2eec50),
    ("schema-2/ruleset-wembley-stadium.json", 0x5d59c8bee1bddb67463c214bca670a6a),
    ("schema-2/ruleset.json", 0x072cc6936844ef647590c727074cd320),
    ("schema-2/stream-ruleset.txt", 0x2e457f401e13a309293a7df391ff27a3),
    ("schema-2/stream-values.txt", 0x660947913abd61211c48034781d986f9),
    ("schema-2/values.jsonl", 0xeabe02e0a1cead8fd66b0201cd2a19f9),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/payloads")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The schemas that were recorded.
const SCHEMAS: [u32; 2] = [1, 2];

fn ruleset(schema: u32) -> RulesetBody {
    serde_json::from_str(&read(&format!("schema-{schema}/ruleset.json"))).unwrap()
}

/// What a server answered to somebody with this kind of key.
struct Answered {
    by_client: bool,
    context: Context,
    body: ValuesBody,
}

fn answered(schema: u32) -> Vec<Answered> {
    let lines = read(&format!("schema-{schema}/values.jsonl"));
    let read = |line: &str| {
        #[derive(serde::Deserialize)]
        struct Line {
            by: String,
            context: Value,
            answer: ValuesBody,
        }
        let line: Line = serde_json::from_str(line).unwrap();
        let context = Context::from_json(&line.context).unwrap();
        Answered { by_client: line.by == "client", context, body: line.answer }
    };
    lines.lines().map(read).collect()
}

fn compiled(documents: &[Document]) -> Ruleset {
    Ruleset::compile("production".parse().unwrap(), usher_core::model::Seq(1), documents)
}

/// What a ruleset gives to a context, as values of schema 1.
fn given(ruleset: &Ruleset, context: &Context, clients: bool) -> BTreeMap<String, Value> {
    let all = ruleset.evaluate_all(context, NOW, clients);
    let value = |(flag, evaluation)| {
        let value = EvaluatedValue::new(ruleset, flag, evaluation, context, NOW);
        (flag.to_owned(), serde_json::to_value(&value).unwrap())
    };
    all.map(value).collect()
}

fn plain(values: &ValueMap) -> BTreeMap<String, Value> {
    values.iter().map(|(flag, value)| (flag.clone(), serde_json::from_str(value.get()).unwrap())).collect()
}

/// All ways that documents can go: as they came, to another schema, and back.
fn ways(documents: &[Document]) -> Vec<(String, Vec<Document>)> {
    let to = |documents: &[Document], form| -> Vec<Document> {
        documents.iter().map(|document| written(document, form)).collect()
    };
    let mut all = vec![("as they came".to_owned(), documents.to_vec())];
    for first in Form::ALL {
        let once = to(documents, first);
        for second in Form::ALL {
            all.push((format!("to {first:?} and {second:?}"), to(&once, second)));
        }
        all.push((format!("to {first:?}"), once));
    }
    all
}

/// Flags that ask for a newer schema than the first.
fn asking(documents: &[Document]) -> Vec<String> {
    let asks = |own: &&Document| own.value()["minimumSchema"].as_u64().is_some_and(|minimum| minimum > 1);
    documents.iter().filter(asks).map(|own| own.key().to_owned()).collect()
}

fn without(mut values: BTreeMap<String, Value>, flags: &[String]) -> BTreeMap<String, Value> {
    flags.iter().for_each(|flag| drop(values.remove(flag)));
    values
}

#[test]
fn what_was_recorded_is_as_it_was() {
    let mut there = Vec::new();
    for schema in
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir())
    {
        for file in fs::read_dir(schema.path()).unwrap().map(|entry| entry.unwrap()) {
            let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
            let name = format!("{}/{}", name(&schema), name(&file));
            there.push((name, xxh3_128(&fs::read(file.path()).unwrap())));
        }
    }
    there.sort();
    let expected: Vec<(String, u128)> =
        RECORDED.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect();
    let written = |all: &[(String, u128)]| {
        all.iter().map(|(name, sum)| format!("(\"{name}\", {sum:#034x}),")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(there, expected, "nobody edits what was recorded; new files are:\n{}", written(&there));
}

#[test]
fn documents_give_the_same_answers_whichever_way_they_come() {
    for recorded in SCHEMAS {
        let body = ruleset(recorded);
        assert_eq!(body.schema, recorded);
        let (answered, all) = (answered(recorded), body.documents.clone());
        assert!(answered.len() >= 8 && body.documents.len() > 50);
        for (way, documents) in ways(&body.documents) {
            let ruleset = compiled(&documents);
            assert_eq!(ruleset.broken().count(), 0, "{way}");
            for Answered { by_client, context, body } in &answered {
                // What asks for more is off there.
                let moved = if way.contains("One") { asking(&all) } else { Vec::new() };
                let expected = plain(&disk::read_values(body.clone()).unwrap().values);
                let own = without(given(&ruleset, context, *by_client), &moved);
                assert!(own == without(expected, &moved), "{recorded} {way} for {context:?}");
            }
        }
        // The same of one venue's share.
        let narrowed: RulesetBody =
            serde_json::from_str(&read(&format!("schema-{recorded}/ruleset-wembley-stadium.json"))).unwrap();
        let before = compiled(&narrowed.documents);
        for (way, documents) in ways(&narrowed.documents) {
            let context = &answered[0].context;
            let asking = if way.contains("One") { asking(&narrowed.documents) } else { Vec::new() };
            let all = |ruleset: &Ruleset| without(given(ruleset, context, false), &asking);
            assert_eq!(all(&compiled(&documents)), all(&before), "{way}");
        }
    }
}

#[test]
fn values_are_the_same_in_both_schemas() {
    for recorded in SCHEMAS {
        for Answered { body, .. } in answered(recorded) {
            let one = disk::read_values(body).unwrap().values;
            let to_two = |(flag, value): (&String, &Box<_>)| (flag.clone(), values::to_two(value).unwrap());
            let two: ValueMap = one.iter().map(to_two).collect();
            assert!(two.values().all(|value| value.get().starts_with('[')));
            assert_eq!(plain(&values::all_to_one(two, 2)), plain(&one));
        }
    }
}

/// What a client has after each frame of a recorded stream.
fn followed(frames: impl Iterator<Item = String>) -> Vec<(BTreeMap<String, Value>, Vec<Document>)> {
    let (mut machine, mut have, mut documents) =
        (Machine::default(), BTreeMap::new(), Vec::<Document>::new());
    machine.connected();
    let mut states = Vec::new();
    for frame in frames {
        for action in machine.take(ServerFrame::parse(&frame).unwrap()) {
            match action {
                Action::ReplaceValues(values) => have = plain(&values),
                Action::AmendValues(put, delete) => {
                    have.retain(|flag, _| !delete.contains(flag));
                    have.extend(plain(&put));
                }
                Action::Replace(all) => documents = all,
                Action::Amend(put, delete) => {
                    documents.retain(|own| {
                        !delete.contains(own.id()) && put.iter().all(|new| new.id() != own.id())
                    });
                    documents.extend(put);
                }
                Action::Resync(why) => panic!("{why}"),
                _ => {}
            }
        }
        states.push((have.clone(), documents.clone()));
    }
    states
}

/// A frame as another schema has it.
fn frame_in(frame: &str, schema: u32, from: u32) -> String {
    let mut frame: Value = serde_json::from_str(frame).unwrap();
    match frame["type"].as_str().unwrap() {
        "ready" => frame["schema"] = schema.into(),
        "values" => {
            let put: ValueMap = serde_json::from_value(frame["put"].take()).unwrap();
            let one = values::all_to_one(put, from);
            let put: ValueMap = match schema {
                1 => one,
                _ => one.iter().map(|(flag, value)| (flag.clone(), values::to_two(value).unwrap())).collect(),
            };
            frame["put"] = serde_json::to_value(put).unwrap();
        }
        "delta" | "snapshot" => {
            for name in ["put", "documents"] {
                for document in frame.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
                    let own: Document = serde_json::from_value(document.take()).unwrap();
                    *document = serde_json::to_value(written(&own, Form::of(schema, false))).unwrap();
                }
            }
        }
        _ => {}
    }
    frame.to_string()
}

#[test]
fn streams_lead_to_the_same_in_both_schemas() {
    for recorded in SCHEMAS {
        for name in ["stream-ruleset.txt", "stream-values.txt"] {
            let text = read(&format!("schema-{recorded}/{name}"));
            let frames = || text.lines().filter_map(|line| line.strip_prefix("< "));
            let as_recorded = followed(frames().map(ToOwned::to_owned));
            assert!(as_recorded.len() > 5);
            for schema in schema::SPOKEN {
                let other = followed(frames().map(|frame| frame_in(frame, schema, recorded)));
                for ((values, documents), (own_values, own_documents)) in other.iter().zip(&as_recorded) {
                    assert_eq!(values, own_values);
                    let context = &answered(recorded)[0].context;
                    let asking = if schema == 1 { asking(own_documents) } else { Vec::new() };
                    let all = |documents: &[Document]| {
                        without(given(&compiled(documents), context, false), &asking)
                    };
                    assert_eq!(all(documents), all(own_documents), "{name} in schema {schema}");
                }
            }
        }
    }
}

/// Something that nobody knows, at one place of a flag.
fn injected(flag: &Document, what: &str) -> Option<Document> {
    let mut value = flag.value();
    match what {
        "field" => value["moonPhase"] = json!("waxing"),
        "type" => value["type"] = json!("lunar"),
        "lifecycle" => value["lifecycle"] = json!("eternal"),
        "config field" => value["environments"]["production"]["orbit"] = json!(1),
        "stale rule" => {
            value["environments"]["production"]["whenStale"] = json!({"after": "1h", "then": "dream"});
        }
        "operator" => {
            value["environments"]["production"]["rules"].get_mut(0)?["if"] =
                json!({"attribute": "x", "op": "eclipses", "values": [1]});
        }
        "condition" => {
            value["environments"]["production"]["rules"].get_mut(0)?["if"] = json!({"moon": "full"});
        }
        "rule field" => value["environments"]["production"]["rules"].get_mut(0)?["tide"] = json!("high"),
        "serving" => {
            value["environments"]["production"]["rules"].get_mut(0)?["serve"] = json!({"dream": "on"});
        }
        "hash" => {
            value["environments"]["production"]["default"].get_mut("split")?["hash"] = json!("lunarCycle");
        }
        other => panic!("{other}"),
    }
    serde_json::from_value(value).ok()
}

const INJECTED: [&str; 10] = [
    "field",
    "type",
    "lifecycle",
    "config field",
    "stale rule",
    "operator",
    "condition",
    "rule field",
    "serving",
    "hash",
];

#[test]
fn what_nobody_knows_makes_its_flag_fall_back_and_moves_no_other() {
    for recorded in SCHEMAS {
        let body = ruleset(recorded);
        let context = &answered(recorded)[0].context;
        let before = given(&compiled(&body.documents), context, false);
        for what in INJECTED {
            // The first flag that has such a place, and is no other's prerequisite.
            let found = body
                .documents
                .iter()
                .enumerate()
                .filter(|(_, own)| *own.kind() == Kind::Flag && own.key() != "off");
            let found = found.filter(|(_, own)| !["express-checkout", "off"].contains(&own.key()));
            let (n, strange) = found.filter_map(|(n, own)| Some((n, injected(own, what)?))).next().unwrap();
            let mut documents = body.documents.clone();
            documents[n] = strange.clone();
            for (way, documents) in ways(&documents) {
                if what == "lifecycle" && way.contains("Two") {
                    // What only people read is not sent there at all.
                    continue;
                }
                let ruleset = compiled(&documents);
                let evaluation = ruleset.evaluate(strange.key(), context, NOW);
                assert_eq!(evaluation.error, Some(ErrorCode::ParseError), "{what}, {way}");
                assert_eq!(evaluation.value(), None, "the caller's default");
                let mut moved = if way.contains("One") { asking(&body.documents) } else { Vec::new() };
                moved.push(strange.key().to_owned());
                let after = without(given(&ruleset, context, false), &moved);
                let expected = without(before.clone(), &moved);
                assert_eq!(after, expected, "{what}, {way}");
            }
        }
    }
}

#[test]
fn a_value_that_nobody_knows_falls_back_and_moves_no_other() {
    let strange = [
        json!([true, "on", "S", null, {}, "more"]),
        json!([true, "on", "Q"]),
        json!([true, {"name": "on"}, "S"]),
        json!({"value": true, "variant": "on", "reason": "STATIC"}),
        json!("on"),
    ];
    for Answered { body, .. } in answered(1) {
        let one = plain(&body.values);
        let two = |(flag, value): (&String, &Box<_>)| (flag.clone(), values::to_two(value).unwrap());
        let all: ValueMap = body.values.iter().map(two).collect();
        let Some((flag, _)) = all.iter().next().map(|(flag, value)| (flag.clone(), value.clone())) else {
            continue;
        };
        for strange in &strange {
            let mut all = all.clone();
            all.insert(flag.clone(), serde_json::value::to_raw_value(strange).unwrap());
            let mut after = plain(&values::all_to_one(all, 2));
            // Nothing that is a value: an SDK gives the caller's default, with PARSE_ERROR.
            assert_eq!(after.remove(&flag), Some(Value::Null), "{strange}");
            let mut expected = one.clone();
            expected.remove(&flag);
            assert_eq!(after, expected);
        }
    }
}

#[test]
fn files_of_either_schema_are_read_and_files_are_read_by_the_version_before() {
    /// What the version before reads of a file: it passes over fields that it does not know.
    #[derive(serde::Deserialize)]
    struct Before {
        schema: u32,
        documents: Vec<Document>,
    }
    let body = |name: &str| read(name).split_once('\n').unwrap().1.to_owned();
    let context = &answered(1)[0].context;
    let recorded: RulesetBody = serde_json::from_str(&body("schema-1/sdk-ruleset.cache")).unwrap();
    let expected = given(&compiled(&recorded.documents), context, false);
    let read_again = disk::read_ruleset(recorded.clone()).unwrap();
    assert_eq!(given(&compiled(&read_again.documents), context, false), expected);

    // What schema 1 can't say is kept beside it.
    let mut newer = recorded.documents;
    for document in &mut newer {
        let mut value = document.value();
        match document.key() {
            "tree" => value["minimumSchema"] = json!(2),
            "listed" => value["claims"] = json!("signed"),
            _ => continue,
        }
        *document = serde_json::from_value(value).unwrap();
    }
    for form in [Form::Two, Form::One] {
        let documents = newer.iter().map(|document| written(document, form)).collect();
        let kept = disk::kept_ruleset(RulesetBody { schema: form.schema(), documents, ..ruleset(1) }, false);
        let text = serde_json::to_string(&kept).unwrap();
        let before: Before = serde_json::from_str(&text).unwrap();
        assert_eq!(before.schema, 1);
        let old = compiled(&before.documents);
        assert_eq!(old.broken().count(), 0);
        let evaluation = old.evaluate("tree", context, NOW);
        assert_eq!((evaluation.variant(), evaluation.reason.as_str()), (Some("a"), "DISABLED"));
        let own = disk::read_ruleset(serde_json::from_str(&text).unwrap()).unwrap();
        let own = compiled(&own.documents);
        assert_eq!(
            given(&own, context, false),
            given(
                &compiled(&newer.iter().map(|document| written(document, form)).collect::<Vec<_>>()),
                context,
                false
            )
        );
    }
    // An edge of the version before takes a cohort that it can't guard for one that it does not understand.
    let kept = disk::kept_ruleset(RulesetBody { documents: newer, ..ruleset(1) }, true);
    let of_edges: Before = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
    let guarded = of_edges.documents.iter().find(|own| own.key() == "listed").unwrap();
    assert!(guarded.json().contains("claims"));

    let values: ValuesBody = serde_json::from_str(&body("schema-1/sdk-values.cache")).unwrap();
    let own = disk::read_values(values.clone()).unwrap();
    assert_eq!(plain(&own.values), plain(&values.values));
    let two =
        values.values.iter().map(|(flag, value)| (flag.clone(), values::to_two(value).unwrap())).collect();
    let own = disk::read_values(ValuesBody { schema: 2, values: two, ..values.clone() }).unwrap();
    assert_eq!((own.schema, plain(&own.values)), (1, plain(&values.values)));
    assert_eq!(disk::read_values(ValuesBody { schema: 3, ..values }).unwrap_err(), 3);
    assert_eq!(disk::read_ruleset(RulesetBody { schema: 3, ..ruleset(1) }).unwrap_err(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Flags that ask for more are the same to an old app, whether it evaluates or is told: off, and so for what leans
    /// on them; the others don't move.
    #[test]
    fn an_old_app_gets_the_off_variant_either_way(chosen in prop::collection::vec(any::<bool>(), 80)) {
        let mut documents = ruleset(1).documents;
        let mut asking = Vec::new();
        for (document, chosen) in documents.iter_mut().zip(chosen.iter().cycle()) {
            if *document.kind() == Kind::Flag && *chosen {
                let mut value = document.value();
                value["minimumSchema"] = json!(2);
                asking.push(document.key().to_owned());
                *document = serde_json::from_value(value).unwrap();
            }
        }
        let newest = compiled(&documents);
        let told = newest.for_schema(1);
        prop_assert_eq!(told.is_some(), !asking.is_empty());
        let told = told.unwrap_or_else(|| newest.clone());
        let sent = compiled(&documents.iter().map(|document| written(document, Form::One)).collect::<Vec<_>>());
        prop_assert!(newest.for_schema(2).is_none());
        for Answered { context, .. } in answered(1) {
            prop_assert_eq!(given(&told, &context, false), given(&sent, &context, false));
            for flag in &asking {
                let evaluation = told.evaluate(flag, &context, NOW);
                let off = newest.evaluate(flag, &context, NOW).turned_off(usher_core::Reason::Disabled);
                prop_assert_eq!((evaluation.variant(), evaluation.reason.as_str()), (off.variant(), "DISABLED"));
            }
        }
    }
}

/// What the newest schema saves: printed, for the README.
#[test]
fn schema_two_is_smaller() {
    let size = |documents: &[Document], form| -> usize {
        documents.iter().map(|own| written(own, form).json().len()).sum()
    };
    let mut sizes = Map::new();
    let documents = ruleset(1).documents;
    let (one, two) = (size(&documents, Form::One), size(&documents, Form::Two));
    sizes.insert("documents".to_owned(), json!([one, two]));
    assert!(two < one);
    let (mut one, mut two) = (0, 0);
    for Answered { body, .. } in answered(1) {
        for value in body.values.values() {
            one += value.get().len();
            two += values::to_two(value).unwrap().get().len();
        }
    }
    sizes.insert("values".to_owned(), json!([one, two]));
    println!("{}", Value::Object(sizes));
    assert!(two * 2 < one, "{two} of {one}");
}
