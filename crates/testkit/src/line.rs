//! A TCP line to an upstream, that counts what is asked over it, and can be cut, slow or silent, or lead elsewhere.
// A fixture that breaks should fail loudly.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

/// How long a slow line takes for what it carries at a time: as long as TCP waits for a packet that was lost, at least.
const SLOW: Duration = Duration::from_millis(200);

/// How the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    Open,
    /// Everything passes late, and little at a time.
    Slow,
    /// Nothing passes: connections are closed.
    Cut,
    /// Nothing passes, and nobody is told.
    Silent,
}

/// The line. Clones are the same one; it is there as long as the runtime that it was made in.
#[derive(Clone, Debug)]
pub struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    upstream: Arc<Mutex<String>>,
    asked: Arc<Mutex<String>>,
    answered: Arc<Mutex<String>>,
}

impl Line {
    /// A line to this address, `127.0.0.1:6379`.
    pub async fn to(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            address: listener.local_addr().unwrap(),
            state: watch::channel(State::Open).0,
            upstream: Arc::new(Mutex::new(upstream.to_owned())),
            asked: Arc::default(),
            answered: Arc::default(),
        };
        let own = line.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(own.clone().carry(socket));
            }
        });
        line
    }

    /// Where it is heard over HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it is from now on.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Leads new connections to this address.
    pub fn lead_to(&self, upstream: &str) {
        *self.upstream.lock().unwrap() = upstream.to_owned();
    }

    /// How often this was asked for.
    #[must_use]
    pub fn times(&self, what: &str) -> usize {
        self.asked.lock().unwrap().matches(what).count()
    }

    /// Everything that came from the upstream since this was last asked.
    #[must_use]
    pub fn heard(&self) -> String {
        std::mem::take(&mut *self.answered.lock().unwrap())
    }

    async fn carry(self, mut client: TcpStream) {
        let mut state = self.state.subscribe();
        let upstream = self.upstream.lock().unwrap().clone();
        if *state.borrow() == State::Cut {
            return;
        }
        let Ok(mut server) = TcpStream::connect(upstream).await else { return };
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            let now = *state.borrow_and_update();
            let passes = match now {
                State::Cut => return,
                State::Silent => false,
                State::Open | State::Slow => true,
            };
            if now == State::Slow {
                sleep(SLOW).await;
            }
            tokio::select! {
                _ = state.changed() => {}
                read = client.read(&mut up), if passes => match read {
                    Ok(length) if length > 0 => {
                        // What a client says on a stream is masked; requests can be read.
                        self.asked.lock().unwrap().push_str(&String::from_utf8_lossy(&up[..length]));
                        drop(server.write_all(&up[..length]).await);
                    }
                    _ => return,
                },
                read = server.read(&mut down), if passes => match read {
                    Ok(length) if length > 0 => {
                        self.answered.lock().unwrap().push_str(&String::from_utf8_lossy(&down[..length]));
                        drop(client.write_all(&down[..length]).await);
                    }
                    _ => return,
                },
            }
        }
    }
}
