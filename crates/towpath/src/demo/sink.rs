//! The school's mail server, as far as the demo needs one: it takes every message and keeps none (RFC 5321).

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// A mail server that runs as long as the program.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    taken: Arc<AtomicU64>,
}

impl Sink {
    /// Begins to take mail on a free port.
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let taken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // A client that leaves in the middle is its own affair.
                thread::spawn(move || converse(stream, &count));
            }
        });
        Ok(Self { address, taken })
    }

    /// Returns how many messages were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

fn converse(stream: TcpStream, taken: &AtomicU64) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    out.write_all(b"220 mail.school.example\r\n")?;
    let mut text = String::new();
    let mut in_message = false;
    loop {
        text.clear();
        if lines.read_line(&mut text)? == 0 {
            return Ok(());
        }
        let line = text.trim_end();
        let answer: &[u8] = match (in_message, line) {
            (true, ".") => {
                in_message = false;
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 taken\r\n"
            }
            (true, _) => continue,
            (false, "DATA") => {
                in_message = true;
                b"354 go on\r\n"
            }
            (false, "QUIT") => b"221 bye\r\n",
            (false, _) => b"250 ok\r\n",
        };
        out.write_all(answer)?;
        if answer.starts_with(b"221") {
            return Ok(());
        }
    }
}
