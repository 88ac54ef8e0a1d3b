//! What was sent, what was answered, and what must therefore be in the journal. A request is forgotten once its
//! commit has been read back from the journal and is what was sent, so that a long run needs no more memory than
//! a short one.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};
use usher_journal::{Change, Commit};

use super::fixtures;

/// A request that makes one commit.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its idempotency key, and the message of its commit.
    pub id: String,
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    /// The documents as they are after it.
    documents: Vec<Value>,
}

/// What was sent and found, and has not been read back yet.
#[derive(Default)]
pub struct Ledger {
    sent: BTreeMap<String, Request>,
    acknowledged: BTreeMap<String, u64>,
    /// Commits found in the journal, by number.
    found: BTreeMap<u64, String>,
    found_by_id: BTreeMap<String, u64>,
    /// The newest form of each document, by kind and key.
    documents: BTreeMap<String, Value>,
    epoch: Option<Value>,
    /// The last commit that was looked at, over HTTP.
    pub looked_at: u64,
    /// The last commit that was read back.
    pub read_back: u64,
    all_acknowledged: u64,
    made_by_sending_again: usize,
    done_without_answer: usize,
}

impl Ledger {
    /// A ledger of a journal that others have begun: `commits` of them, and these documents.
    pub fn beginning(workspace: &Value, documents: &[Value]) -> Self {
        let commits = workspace["seq"].as_u64().unwrap();
        let documents = documents.iter().map(|document| (name(document), document.clone())).collect();
        let epoch = Some(workspace["epoch"].clone());
        Self { epoch, documents, looked_at: commits, read_back: commits, ..Self::default() }
    }

    /// A request that writes one flag, remembered before it is sent.
    pub fn put_flag(&mut self, id: String, flag: Value) -> Request {
        let path = format!("/api/v1/flags/{}?message={id}", flag["key"].as_str().unwrap());
        let request = Request { id, method: "PUT", path, body: flag.clone(), documents: vec![flag] };
        self.sent.insert(request.id.clone(), request.clone());
        request
    }

    /// Makes up a request, and remembers it before it is sent.
    pub fn next(&mut self, round: u64, writer: usize, n: u64) -> Request {
        let id = format!("{round}-{writer}-{n}");
        let mine = format!("writer-{writer}");
        let cohort = |key: &str| json!({"kind": "cohort", "key": key, "name": format!("By {id}"), "keys": [format!("u-{n}"), id]});
        let request = match n % 3 {
            0 => {
                let document = cohort(&mine);
                let path = format!("/api/v1/cohorts/{mine}?message={id}");
                Request { id, method: "PUT", path, body: document.clone(), documents: vec![document] }
            }
            // One that all of them write.
            1 => {
                let document = cohort("shared");
                let path = format!("/api/v1/cohorts/shared?message={id}");
                Request { id, method: "PUT", path, body: document.clone(), documents: vec![document] }
            }
            _ => {
                let mut flag = fixtures::flag(&format!("flag-{writer}"));
                flag["description"] = id.as_str().into();
                let documents =
                    vec![cohort(&mine), flag, cohort("shared"), cohort(&format!("{mine}-{}", n % 9))];
                let changes: Vec<Value> = documents.iter().map(|document| json!({"put": document})).collect();
                let body = json!({"message": id, "changes": changes});
                Request { id, method: "POST", path: "/api/v1/commits".to_owned(), body, documents }
            }
        };
        self.sent.insert(request.id.clone(), request.clone());
        request
    }

    /// A first sending was answered.
    pub fn acknowledge(&mut self, request: &Request, answer: &Value) {
        assert_ne!(answer["replayed"], true, "{} was sent once: {answer}", request.id);
        self.take_answer(request, answer);
    }

    /// One of several sendings was answered, before which nobody knew of it.
    pub fn take_answer(&mut self, request: &Request, answer: &Value) {
        self.all_acknowledged += 1;
        self.acknowledged.insert(request.id.clone(), answer["seq"].as_u64().unwrap());
    }

    /// A second sending was answered, whose first was not; `is_second` unless that was sent more than once too.
    pub fn acknowledge_again(&mut self, request: &Request, answer: &Value, is_second: bool) {
        let seq = answer["seq"].as_u64().unwrap();
        match self.found_by_id.get(&request.id) {
            Some(found) => {
                self.done_without_answer += 1;
                assert_eq!((seq, &answer["replayed"]), (*found, &json!(true)), "{} was done", request.id);
            }
            None => {
                self.made_by_sending_again += 1;
                assert!(!is_second || answer["replayed"] != true, "{} was not done: {answer}", request.id);
                assert!(seq > self.looked_at, "{} was not done: {answer}", request.id);
            }
        }
        self.all_acknowledged += 1;
        self.acknowledged.insert(request.id.clone(), seq);
    }

    /// What nobody has answered yet.
    pub fn unanswered(&self) -> Vec<Request> {
        let open = self.sent.values().filter(|request| !self.acknowledged.contains_key(&request.id));
        open.cloned().collect()
    }

    pub fn acknowledged(&self) -> u64 {
        self.all_acknowledged
    }

    /// Takes in the commits after the last look, oldest first.
    pub fn look(&mut self, workspace: &Value, commits: &[Value]) {
        let epoch = self.epoch.get_or_insert_with(|| workspace["epoch"].clone());
        assert_eq!(workspace["epoch"], *epoch, "it is another journal");
        for commit in commits {
            self.looked_at += 1;
            assert_eq!(commit["seq"], self.looked_at, "there is a hole");
            self.take(commit);
        }
        assert_eq!(workspace["seq"], self.looked_at);
        for (id, seq) in &self.acknowledged {
            assert_eq!(self.found.get(seq), Some(id), "{id} was acknowledged as commit {seq}");
        }
    }

    fn take(&mut self, commit: &Value) {
        if commit["seq"] == 1 {
            assert_eq!(commit["message"], "Begin the workspace");
            return;
        }
        let id = commit["message"].as_str().unwrap().to_owned();
        let request = self.sent.get(&id).unwrap_or_else(|| panic!("nobody sent {commit}"));
        let mut changed: Vec<String> = commit["changes"].as_array().unwrap().iter().map(name).collect();
        let mut wanted: Vec<String> = request.documents.iter().map(name).collect();
        changed.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(changed, wanted, "{id} is not whole");
        for document in &request.documents {
            self.documents.insert(name(document), document.clone());
        }
        self.found.insert(self.looked_at, id.clone());
        let before = self.found_by_id.insert(id, self.looked_at);
        assert_eq!(before, None, "it was done twice: {commit}");
    }

    /// The server's documents are those that its commits made.
    pub fn compare_documents(&self, documents: &[Value], round: u64) {
        let theirs: BTreeMap<String, Value> = documents
            .iter()
            .filter(|document| document["kind"] != "environment")
            .map(|document| (name(document), document.clone()))
            .collect();
        assert_eq!(theirs, self.documents, "in round {round}");
    }

    /// The next commit, read back, is what was sent, at the number that was acknowledged.
    pub fn compare_commit(&mut self, commit: &Commit) {
        self.read_back += 1;
        let seq = self.read_back;
        assert_eq!(commit.seq.0, seq, "there is a hole");
        let Some(id) = self.found.remove(&seq) else {
            assert_eq!(seq, 1, "nobody sent {commit:?}");
            return;
        };
        assert_eq!(self.acknowledged.remove(&id), Some(seq));
        let key = commit.idempotency_key.as_deref().unwrap();
        assert!(key.ends_with(&format!(":{id}")), "{key} is not {id}");
        let documents: Vec<Value> = commit.changes.iter().map(put).collect();
        let sent = self.sent.remove(&id).unwrap();
        assert_eq!(documents, sent.documents, "{id} is not what was sent");
        self.found_by_id.remove(&id);
    }

    /// Nothing is left to be read back.
    pub fn is_settled(&self) -> bool {
        self.sent.is_empty() && self.acknowledged.is_empty() && self.read_back == self.looked_at
    }
}

/// All commits after one, oldest first, as `get` gives pages of them.
pub async fn commits_after(after: u64, get: impl AsyncFn(&str) -> Value) -> Vec<Value> {
    let (mut commits, mut path) = (Vec::new(), "/api/v1/commits?limit=500".to_owned());
    loop {
        let page = get(&path).await;
        let items = page["items"].as_array().unwrap();
        commits.extend(items.iter().filter(|item| item["seq"].as_u64() > Some(after)).cloned());
        match page["nextBefore"].as_u64().filter(|before| *before > after) {
            Some(before) => path = format!("/api/v1/commits?limit=500&before={before}"),
            None => break,
        }
    }
    commits.reverse();
    commits
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} commits acknowledged; of those not answered in time {} were done, {} were not",
            self.all_acknowledged, self.done_without_answer, self.made_by_sending_again
        )
    }
}

fn name(document: &Value) -> String {
    format!("{}/{}", document["kind"].as_str().unwrap(), document["key"].as_str().unwrap())
}

fn put(change: &Change) -> Value {
    match change {
        Change::Put(document) => document.value(),
        Change::Delete(id) => panic!("nobody deleted {id}"),
    }
}
