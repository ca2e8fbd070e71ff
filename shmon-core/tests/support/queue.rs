//! A host that doesn't answer a connection, as behind a firewall that drops packets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A listener whose queue is full: the kernel answers no further connection.
pub struct Full {
    pub address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    #[allow(clippy::new_without_default, reason = "it opens sockets")]
    pub fn new() -> Full {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        rustix::net::listen(&listener, 0).expect("a short queue");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
        }
        Full { address, _listener: listener, _waiting: waiting }
    }
}
