//! The server behind the proxies in the proxy measurement: answers every request with the same kilobyte.
//!
//! As little HTTP as the generator needs (GET, keep-alive, pipelining); never use it for anything else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};

/// Listens on a free port of the loopback interface, prints the port, and answers until the process is ended.
pub(crate) fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on a free port")?;
    println!("{}", listener.local_addr().context("cannot read the port")?.port());
    for connection in listener.incoming() {
        let connection = connection.context("cannot accept a connection")?;
        // A connection the proxy gives up ends its thread; there is nobody to tell.
        thread::spawn(move || answer(connection).unwrap_or_default());
    }
    Ok(())
}

fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let body = "x".repeat(1024);
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut buffer = [0; 16 * 1024];
    // How many bytes of "\r\n\r\n" the input has matched so far.
    let mut matched = 0;
    loop {
        let read = connection.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        for byte in buffer.iter().take(read) {
            matched = match (matched, byte) {
                (0 | 2, b'\r') | (1 | 3, b'\n') => matched + 1,
                (_, b'\r') => 1,
                _ => 0,
            };
            if matched == 4 {
                matched = 0;
                connection.write_all(reply.as_bytes())?;
            }
        }
    }
}
