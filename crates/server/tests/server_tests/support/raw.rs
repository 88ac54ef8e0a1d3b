//! Requests byte by byte, as no client library would send them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::Server;

/// Longer than a server takes to let go of who does not go on.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that a server answers to these bytes, until it closes the connection. Nothing more is sent.
pub async fn raw(server: &Server, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let mut answer = Vec::new();
    let exchange = async {
        // A server may answer and close before it has read all.
        let (mut read, mut write) = stream.split();
        tokio::join!(
            async {
                drop(write.write_all(bytes.as_ref()).await);
                drop(write.shutdown().await);
            },
            async {
                drop(read.read_to_end(&mut answer).await);
            }
        );
    };
    timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("the connection was never closed"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all answers in what came.
pub fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.split("HTTP/1.").skip(1);
    lines.map(|line| line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)).collect()
}
