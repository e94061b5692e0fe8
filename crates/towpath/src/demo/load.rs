//! Steady traffic: keep-alive clients that count what they get. Standard library only, as the tests use it too.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// After this long a request has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is sent, and how fast.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// How many clients at once, each with a connection of its own.
    pub clients: usize,
    /// What each client waits between two requests.
    pub pause: Duration,
    /// The requests, one after the other and again from the beginning: method, path, body.
    pub requests: Vec<(&'static str, String, String)>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests without an answer, or with one of class 5xx.
    pub failed: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Why requests had no answer, each once, the first ones.
    pub errors: Vec<String>,
}

impl Tally {
    /// Returns what was added since an earlier count.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let statuses =
            self.statuses.iter().map(|(status, count)| (*status, count - earlier.statuses.get(status).unwrap_or(&0)));
        Self {
            requests: self.requests - earlier.requests,
            failed: self.failed - earlier.failed,
            statuses: statuses.filter(|(_, count)| *count > 0).collect(),
            errors: self.errors.clone(),
        }
    }
}

/// Traffic that goes on until it is stopped.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins to send.
    pub(crate) fn start(plan: &Plan) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let clients = (0..plan.clients)
            .map(|client| {
                let (plan, stop, tally) = (plan.clone(), Arc::clone(&stop), Arc::clone(&tally));
                thread::spawn(move || send(&plan, client, &stop, &tally))
            })
            .collect();
        Self { stop, tally, clients }
    }

    /// Returns what came back so far.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    #[allow(dead_code, reason = "for the tests, which use this file too")]
    /// Stops, waits for the last answers and returns what came back.
    pub(crate) fn stop(mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that panicked has counted nothing more.
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(plan: &Plan, client: usize, stop: &AtomicBool, tally: &Mutex<Tally>) {
    let mut connection = None;
    // Clients begin at different places, so that they do not all send the same at once.
    for (method, path, body) in plan.requests.iter().cycle().skip(client) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let answer = exchange(plan.address, &mut connection, method, path, body);
        let mut tally = lock(tally);
        tally.requests += 1;
        match answer {
            Ok(status) => {
                *tally.statuses.entry(status).or_default() += 1;
                tally.failed += u64::from(status >= 500);
            }
            Err(error) => {
                tally.failed += 1;
                let error = error.to_string();
                if tally.errors.len() < 10 && !tally.errors.contains(&error) {
                    tally.errors.push(error);
                }
                connection = None;
            }
        }
        drop(tally);
        thread::sleep(plan.pause);
    }
}

/// Sends one request. A connection that the server closed while it was idle is replaced; anything else that goes wrong
/// counts, also what other clients would try again.
fn exchange(
    address: SocketAddr,
    connection: &mut Option<BufReader<TcpStream>>,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<u16> {
    let mut stream = match connection.take().filter(|stream| is_open(stream.get_ref())) {
        Some(stream) => stream,
        None => connect(address)?,
    };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let (status, keeps) = answer(&mut stream)?;
    if keeps {
        *connection = Some(stream);
    }
    Ok(status)
}

fn is_open(stream: &TcpStream) -> bool {
    let nothing_yet = |stream: &TcpStream| {
        stream.set_nonblocking(true)?;
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        seen
    };
    matches!(nothing_yet(stream), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Reads an answer with its body; says whether the connection can be used again.
fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, bool)> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the answer has no {what}"));
    let first = line(stream)?;
    let status: u16 = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| invalid("status"))?;
    let (mut length, mut chunked, mut keeps) = (None, false, true);
    loop {
        let header = line(stream)?.to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| invalid("colon in a header"))?;
        match (name, value.trim()) {
            ("content-length", value) => length = value.parse::<u64>().ok(),
            ("transfer-encoding", value) => chunked = value.contains("chunked"),
            ("connection", value) => keeps = !value.contains("close"),
            _ => {}
        }
    }
    if chunked {
        loop {
            let size = line(stream)?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| invalid("size of a chunk"))?;
            skip(stream, size)?;
            line(stream)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        skip(stream, length)?;
    } else if status != 204 && status != 304 {
        io::copy(stream, &mut io::sink())?;
        keeps = false;
    }
    Ok((status, keeps))
}

fn skip(stream: &mut BufReader<TcpStream>, length: u64) -> io::Result<()> {
    let read = io::copy(&mut stream.take(length), &mut io::sink())?;
    if read == length { Ok(()) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer was cut short")) }
}

fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    if stream.take(64 << 10).read_line(&mut text)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer was cut short"));
    }
    Ok(text.trim_end().to_owned())
}
