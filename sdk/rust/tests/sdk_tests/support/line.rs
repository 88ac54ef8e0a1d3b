//! A TCP line between a client and a server, that can be cut, go silent, or let no WebSocket through.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    Open,
    /// Nothing passes: connections are closed.
    Cut,
    /// Nothing passes, and nobody is told: connections stay, and new ones are taken.
    Silent,
    /// HTTP passes, WebSockets are refused with this status.
    NoUpgrades(u16),
}

#[derive(Clone)]
pub struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    upstream: Arc<Mutex<String>>,
    asked: Arc<Mutex<String>>,
    heard: Arc<Mutex<String>>,
    opened: Arc<Mutex<u32>>,
}

impl Line {
    pub async fn to(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            address: listener.local_addr().unwrap(),
            state: watch::channel(State::Open).0,
            upstream: Arc::new(Mutex::new(upstream.to_owned())),
            asked: Arc::default(),
            heard: Arc::default(),
            opened: Arc::default(),
        };
        let own = line.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *own.opened.lock().unwrap() += 1;
                tokio::spawn(own.clone().carry(socket));
            }
        });
        line
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    pub fn lead_to(&self, upstream: &str) {
        *self.upstream.lock().unwrap() = upstream.to_owned();
    }

    /// What clients have said to servers since this was last asked.
    pub fn asked(&self) -> String {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// What servers have said since this was last asked.
    pub fn heard(&self) -> String {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// How many connections clients have opened.
    pub fn opened(&self) -> u32 {
        *self.opened.lock().unwrap()
    }

    async fn carry(self, mut client: TcpStream) {
        let mut state = self.state.subscribe();
        let mut head = vec![0; 16 * 1024];
        let length = tokio::select! {
            read = client.read(&mut head) => read.unwrap_or(0),
            _ = state.wait_for(|state| *state == State::Cut) => return,
        };
        let head = &head[..length];
        let upgrades = String::from_utf8_lossy(head).to_lowercase().contains("upgrade: websocket");
        let now = *state.borrow();
        if let (State::NoUpgrades(status), true) = (now, upgrades) {
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            drop(client.write_all(answer.as_bytes()).await);
            return;
        }
        let now = state.wait_for(|state| *state != State::Silent).await.map_or(State::Cut, |now| *now);
        let upstream = self.upstream.lock().unwrap().clone();
        if now == State::Cut {
            return;
        }
        let Ok(mut server) = TcpStream::connect(upstream).await else { return };
        let asks = |said: &[u8]| self.asked.lock().unwrap().push_str(&String::from_utf8_lossy(said));
        asks(head);
        drop(server.write_all(head).await);
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            let now = *state.borrow_and_update();
            let ends = now == State::Cut || (upgrades && matches!(now, State::NoUpgrades(_)));
            if ends {
                return;
            }
            tokio::select! {
                _ = state.changed() => {}
                read = client.read(&mut up), if now != State::Silent => match read {
                    Ok(length) if length > 0 => {
                        asks(&up[..length]);
                        drop(server.write_all(&up[..length]).await);
                    }
                    _ => return,
                },
                read = server.read(&mut down), if now != State::Silent => match read {
                    Ok(length) if length > 0 => {
                        self.heard.lock().unwrap().push_str(&String::from_utf8_lossy(&down[..length]));
                        drop(client.write_all(&down[..length]).await);
                    }
                    _ => return,
                },
            }
        }
    }
}
