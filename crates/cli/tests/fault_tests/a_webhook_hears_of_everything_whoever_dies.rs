//! Whoever delivers to a webhook is killed without warning: the next start, or another server, goes on where it was. A
//! message may come twice, with the same id; none is lost, and none overtakes another.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{ADMIN, Server, eventually, fleet, http, usher};
use serde_json::{Value, json};
use usher_testkit::redis::RedisServer;

/// How often a server is killed: with a journal of its own, and with one that is shared.
const ROUNDS: usize = 8;
const FLEET_ROUNDS: usize = 2;

/// A receiver that takes whatever comes, and keeps id and commit.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<(String, u64)>>>);

impl Receiver {
    /// Starts it, and writes the settings of a server that tells it.
    fn start(config: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let secret = "a secret of a good length";
        let text = format!("[[webhooks]]\nname = 'ops'\nurl = '{url}'\nsecret = '{secret}'\n");
        fs::write(config, text).unwrap();
        let receiver = Self::default();
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Who was killed says no more.
                drop(own.take(stream.unwrap()));
            }
        });
        receiver
    }

    fn take(&self, mut stream: std::net::TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => value.clone_into(&mut id),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let Ok(body) = serde_json::from_slice::<Value>(&body) else { return Ok(()) };
        self.0.lock().unwrap().push((id, body["seq"].as_u64().unwrap()));
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    }

    /// Waits until all these commits came, and looks how.
    fn has(&self, made: &[u64]) {
        eventually("all is told", || {
            let came = self.0.lock().unwrap();
            made.iter().all(|seq| came.iter().any(|(_, own)| own == seq)).then_some(())
        });
        let came = self.0.lock().unwrap();
        let mut first = Vec::new();
        let mut ids = BTreeMap::new();
        for (id, seq) in came.iter() {
            if ids.insert(id.clone(), *seq).is_none() {
                first.push(*seq);
            }
        }
        assert_eq!(first, made, "each once by its id, and in order");
        println!("{} messages came {} times", made.len(), came.len());
    }
}

/// Writes so many commits, one after the other.
async fn write(server: &Server, count: usize, made: &mut Vec<u64>) {
    for _ in 0..count {
        let change = json!({"message": "On", "changes": [{"put": fleet::beacon(&made.len().to_string())}]});
        let request = http().post(format!("{}/api/v1/commits", server.url())).bearer_auth(ADMIN);
        let answer = request.json(&change).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        made.push(answer["seq"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn with_a_journal_of_its_own_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("usher.toml");
    let receiver = Receiver::start(&config);
    let data = folder.path().join("data");
    let start = || Server::spawn(Server::command(&data).arg("--config").arg(&config));
    let mut made = Vec::new();
    let mut server = start();
    // Its first position is kept once it is at rest.
    eventually("it is kept", || data.join("webhook-ops.json").exists().then_some(()));
    for round in 0..ROUNDS {
        write(&server, 10, &mut made).await;
        tokio::time::sleep(Duration::from_millis(3 * round as u64)).await;
        server.kill_nine();
        server = start();
    }
    receiver.has(&made);
    server.stop();
}

#[tokio::test]
async fn with_a_shared_journal_another_server_goes_on() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("usher.toml");
    let receiver = Receiver::start(&config);
    let start = || {
        let mut command: Command = usher(["serve", "--output", "json", "--listen", "127.0.0.1:0"]);
        command.args(["--redis", &redis.url(), "--config"]).arg(&config).env("USHER_ADMIN_TOKEN", ADMIN);
        Server::spawn(&mut command)
    };
    let mut made = Vec::new();
    let mut servers = [start(), start()];
    write(&servers[0], 5, &mut made).await;
    receiver.has(&made);
    for _ in 0..FLEET_ROUNDS {
        // Each in turn, so one of them is the one that delivers.
        let [first, second] = servers;
        write(&first, 10, &mut made).await;
        first.kill_nine();
        write(&second, 10, &mut made).await;
        receiver.has(&made);
        servers = [second, start()];
    }
    for server in servers {
        server.stop();
    }
}
