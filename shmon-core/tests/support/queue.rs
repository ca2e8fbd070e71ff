//! Hosts that take no connection: one where nobody listens, and one that doesn't answer, as behind a firewall that drops packets.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A port on which nobody listens, and nobody else will: it is taken.
pub struct Closed {
    pub address: SocketAddr,
    _socket: OwnedFd,
}

impl Closed {
    #[allow(clippy::new_without_default, reason = "it opens a socket")]
    pub fn new() -> Closed {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address =
            getsockname(&socket).expect("an address").try_into().expect("an address of the internet");
        Closed { address, _socket: socket }
    }
}

/// A listener whose queue is full: the kernel answers no further connection.
pub struct Full {
    pub address: SocketAddr,
    _listener: TcpListener,
    _waiting: TcpStream,
}

impl Full {
    #[allow(clippy::new_without_default, reason = "it opens sockets")]
    pub fn new() -> Full {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        // Linux takes one connection more than the queue is long (`sk_acceptq_is_full` in include/net/sock.h).
        rustix::net::listen(&listener, 0).expect("a short queue");
        let address = listener.local_addr().expect("an address");
        let waiting = TcpStream::connect(address).expect("the one connection that is taken");
        // The kernel queues it a moment after `connect` returns, and on a busy machine much later: a connection that is
        // tried until then is answered.
        let until = Instant::now() + Duration::from_secs(120);
        while queued(address.port()) == 0 {
            assert!(Instant::now() < until, "the connection is not in the queue");
            std::thread::sleep(Duration::from_millis(2));
        }
        Full { address, _listener: listener, _waiting: waiting }
    }
}

/// Connections that wait at a listener of 127.0.0.1: what `rx_queue` says of one (Documentation/networking/proc_net_tcp.rst).
fn queued(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the connections");
    let listening = format!("0100007F:{port:04X} 00000000:0000 0A ");
    let queues = table.lines().find_map(|line| line.split_once(&listening)).expect("the listener").1;
    let received = queues.split([':', ' ']).nth(1).expect("two queues");
    u64::from_str_radix(received, 16).expect("a number")
}
