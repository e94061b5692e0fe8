//! Opens listening sockets, one per worker.
//!
//! On Linux each worker has its own socket on the same port (`SO_REUSEPORT`) and the kernel spreads connections over them;
//! elsewhere they share one. It decides nothing about which address to take.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{SocketAddr, TcpListener},
};

use towpath_core::ports;

/// How many ports are tried before the system chooses one.
const TRIED: usize = 1000;

/// Opens `workers` sockets on one address. Port 0 takes a free one, of [`ports::GIVEN`] if there is any.
pub(crate) fn open(address: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    if address.port() == 0 {
        let given = ports::given(RandomState::new().hash_one(()));
        for port in given.take(TRIED) {
            if let Ok(opened) = open((address.ip(), port).into(), workers) {
                return Ok(opened);
            }
        }
    } else {
        // Sockets that share a port do not notice another process of this user that shares it too. One that does not, does.
        drop(TcpListener::bind(address)?);
    }
    let first = one(address)?;
    let actual = first.local_addr()?;
    let mut all = Vec::with_capacity(workers);
    for _ in 1..workers {
        all.push(another(&first, actual)?);
    }
    all.push(first);
    for listener in &all {
        listener.set_nonblocking(true)?;
    }
    Ok((actual, all))
}

#[cfg(target_os = "linux")]
fn one(address: SocketAddr) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

    /// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
    const BACKLOG: i32 = 4096;
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

#[cfg(target_os = "linux")]
fn another(_first: &TcpListener, actual: SocketAddr) -> io::Result<TcpListener> {
    one(actual)
}

#[cfg(not(target_os = "linux"))]
fn one(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

#[cfg(not(target_os = "linux"))]
fn another(first: &TcpListener, _actual: SocketAddr) -> io::Result<TcpListener> {
    first.try_clone()
}

#[cfg(test)]
mod tests;
