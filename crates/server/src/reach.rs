//! Letting go of clients that can't be reached any more.
//!
//! A phone that leaves the network says no farewell. What is sent to it is sent again and again, by Linux for a
//! quarter of an hour, while its connection takes a place. Streams send a sign of life with every heartbeat, so
//! somebody who has not acknowledged any for three is gone.

use std::time::Duration;

use socket2::SockRef;

/// For how many heartbeats something that was sent may wait to be acknowledged.
pub(crate) const HEARTBEATS: u32 = 3;

/// Closes this connection once something has waited for so long. Other systems than Linux decide by themselves.
pub(crate) fn give_up_after(socket: SockRef<'_>, time: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(time)) {
        // Then the system's own time holds.
        tracing::debug!(%error, "a connection has no limit on unacknowledged data");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, time);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_knows_when_to_give_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        give_up_after(SockRef::from(&socket), Duration::from_secs(45));
        assert_eq!(SockRef::from(&socket).tcp_user_timeout().unwrap(), Some(Duration::from_secs(45)));
    }
}
