//! Everything a git repository holds: every version of every file, each looked at once.
//!
//! Asks the program `git`; nothing in the repository is run: no hooks, no filters, no monitors. What was looked at and held nothing
//! is remembered in the repository's own folder, so that the next time only what is new is looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
};

use towpath_secrets::leaks::{Hit, Scanner};

use super::files::MAX_BYTES;

/// The most objects that are listed.
const MAX_OBJECTS: usize = 4_000_000;
/// The most bytes that are read of all of them in one run; the next run goes on.
const MAX_ALL_BYTES: u64 = 8 << 30;
/// Where what held nothing is remembered, in the folder of git.
const CACHE: &str = "towpath/leaks-looked-at";

/// What came of looking through a repository.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Path, what was found, and the commit that brought it.
    pub(super) hits: Vec<(String, Hit, String)>,
    /// How many versions of files were looked at, and how many were known to hold nothing.
    pub(super) looked_at: usize,
    pub(super) known: usize,
    /// What was left out.
    pub(super) too_large: usize,
    pub(super) unfinished: bool,
}

/// Why a repository cannot be looked through.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    #[error("this folder is in no git repository")]
    NoRepository,
    #[error("the program git cannot be run")]
    NoGit(#[source] io::Error),
    #[error("git does not answer as it should: {0}")]
    Strange(String),
    #[error("the pipe to git broke")]
    Pipe(#[source] io::Error),
}

/// A version of a file.
struct Blob {
    id: String,
    path: String,
}

/// Looks through the history of the repository around a folder, as far as it is about that folder. `stamp` changes whenever what is
/// looked for does.
pub(super) fn scan(root: &Path, scanner: &Scanner, stamp: &str) -> Result<History, HistoryError> {
    let folder = PathBuf::from(line(git(root).args(["rev-parse", "--absolute-git-dir"]))?);
    let mut cache = Cache::read(folder.join(CACHE), stamp);
    let mut history = History::default();
    let mut blobs = list(root, &mut history)?;
    let before = blobs.len();
    blobs.retain(|blob| !cache.clean.contains(&blob.id));
    history.known = before - blobs.len();
    let found = read(root, scanner, &blobs, &mut history, &mut cache)?;
    cache.write();
    if !found.is_empty() {
        let ids: BTreeSet<&str> = found.iter().map(|(blob, _)| blob.id.as_str()).collect();
        let commits = commits(root, &ids)?;
        for (blob, hit) in found {
            let commit = commits.get(&blob.id).cloned().unwrap_or_default();
            history.hits.push((blob.path.clone(), hit, commit));
        }
    }
    history.hits.sort_by(|one, other| (&one.0, one.1.line, &one.2).cmp(&(&other.0, other.1.line, &other.2)));
    Ok(history)
}

/// Returns a command of git that runs nothing the repository names.
fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args([
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.quotePath=false",
    ]);
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1");
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn line(command: &mut Command) -> Result<String, HistoryError> {
    let output = command.output().map_err(HistoryError::NoGit)?;
    if !output.status.success() {
        return Err(HistoryError::NoRepository);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}

/// Starts git with pipes and feeds it these lines from a thread, so that neither side waits for the other for ever.
fn fed<T>(
    command: &mut Command,
    feed: impl FnOnce(ChildStdin) -> io::Result<()> + Send,
    take: impl FnOnce(BufReader<ChildStdout>) -> Result<T, HistoryError>,
) -> Result<T, HistoryError> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(HistoryError::NoGit)?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(HistoryError::Strange("it has no pipes".to_owned()));
    };
    let taken = std::thread::scope(|scope| {
        // Where git reads no further, its output says why.
        let feeding = scope.spawn(|| drop(feed(input)));
        let taken = take(BufReader::with_capacity(1 << 18, output));
        if taken.is_err() {
            let _ = child.kill();
        }
        drop(feeding.join());
        taken
    });
    ended(child)?;
    taken
}

fn ended(mut child: Child) -> Result<(), HistoryError> {
    child.wait().map(drop).map_err(HistoryError::Pipe)
}

/// Lists every version of every file, with one path of it.
fn list(root: &Path, history: &mut History) -> Result<Vec<Blob>, HistoryError> {
    let top = line(git(root).args(["rev-parse", "--show-toplevel"])).unwrap_or_default();
    let prefix = line(git(root).args(["rev-parse", "--show-prefix"])).unwrap_or_default();
    let mut rev_list = git(if top.is_empty() { root } else { Path::new(&top) });
    rev_list.args(["rev-list", "--objects", "--all"]);
    if !prefix.is_empty() {
        rev_list.arg("--").arg(format!(":(top,literal){}", prefix.trim_end_matches('/')));
    }
    let mut lists = rev_list.stdout(Stdio::piped()).spawn().map_err(HistoryError::NoGit)?;
    let Some(mut listed) = lists.stdout.take() else {
        return Err(HistoryError::Strange("it lists nothing".to_owned()));
    };
    let mut check = git(root);
    check.args(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize) %(rest)", "--buffer"]);
    let mut blobs = Vec::new();
    let mut too_large = 0;
    fed(
        &mut check,
        |mut input| io::copy(&mut listed, &mut input).map(drop),
        |output| {
            for line in output.split(b'\n').take(MAX_OBJECTS) {
                let line = line.map_err(HistoryError::Pipe)?;
                let line = String::from_utf8_lossy(&line);
                let mut parts = line.splitn(4, ' ');
                let (Some(id), Some("blob"), Some(size)) = (parts.next(), parts.next(), parts.next()) else { continue };
                let path = parts.next().unwrap_or_default();
                if size.parse().unwrap_or(u64::MAX) > MAX_BYTES {
                    too_large += 1;
                } else if !path.is_empty() {
                    let path = path.strip_prefix(&prefix).unwrap_or(path);
                    blobs.push(Blob { id: id.to_owned(), path: path.to_owned() });
                }
            }
            Ok(())
        },
    )?;
    ended(lists)?;
    history.too_large = too_large;
    Ok(blobs)
}

/// Reads versions of files one after the other and looks at them in several threads.
fn read<'b>(
    root: &Path,
    scanner: &Scanner,
    blobs: &'b [Blob],
    history: &mut History,
    cache: &mut Cache,
) -> Result<Vec<(&'b Blob, Hit)>, HistoryError> {
    if blobs.is_empty() {
        return Ok(Vec::new());
    }
    let found = Mutex::new(Vec::new());
    let clean = Mutex::new(Vec::new());
    let (send, receive) = mpsc::sync_channel::<(&Blob, Vec<u8>)>(64);
    let receive = Mutex::new(receive);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let mut command = git(root);
    command.args(["cat-file", "--batch", "--buffer"]);
    let outcome = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((blob, bytes)) = next else { break };
                    let hits = scanner.scan(&blob.path, &bytes);
                    if hits.is_empty() {
                        clean.lock().unwrap_or_else(PoisonError::into_inner).push(blob.id.clone());
                    } else {
                        let hits = hits.into_iter().map(|hit| (blob, hit));
                        found.lock().unwrap_or_else(PoisonError::into_inner).extend(hits);
                    }
                }
            });
        }
        let feed = |mut input: ChildStdin| {
            for blob in blobs {
                input.write_all(blob.id.as_bytes())?;
                input.write_all(b"\n")?;
            }
            input.flush()
        };
        fed(&mut command, feed, move |mut output| {
            let mut all = 0;
            let mut looked_at = 0;
            for blob in blobs {
                let Some(bytes) = body(&mut output)? else { continue };
                all += bytes.len() as u64;
                looked_at += 1;
                if send.send((blob, bytes)).is_err() || all > MAX_ALL_BYTES {
                    // The rest of what git has to say is not read.
                    return Ok((looked_at, true));
                }
            }
            Ok((looked_at, false))
        })
    });
    (history.looked_at, history.unfinished) = outcome?;
    cache.clean.extend(clean.into_inner().unwrap_or_else(PoisonError::into_inner));
    cache.changed = true;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Reads one answer of `cat-file --batch`; `None` for an object that is missing, as in a partial clone.
fn body(output: &mut BufReader<ChildStdout>) -> Result<Option<Vec<u8>>, HistoryError> {
    let mut head = String::new();
    output.read_line(&mut head).map_err(HistoryError::Pipe)?;
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        [_, "missing"] => Ok(None),
        [_, _, size] => {
            let size: u64 = size.parse().map_err(|_| HistoryError::Strange(head.clone()))?;
            let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_BYTES)).unwrap_or(0) + 1);
            let read = output.take(size + 1).read_to_end(&mut bytes).map_err(HistoryError::Pipe)?;
            if read as u64 != size + 1 {
                return Err(HistoryError::Strange("it ends in the middle of a file".to_owned()));
            }
            bytes.pop();
            Ok(Some(bytes))
        }
        _ => Err(HistoryError::Strange(head.trim().to_owned())),
    }
}

/// Returns the oldest commit that brought each of these versions, from one pass through the history.
fn commits(root: &Path, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, String>, HistoryError> {
    let mut log = git(root);
    log.args(["log", "--all", "--reverse", "-m", "--raw", "--no-abbrev", "--no-renames", "--format=commit %H"]);
    let mut child = log.stdout(Stdio::piped()).spawn().map_err(HistoryError::NoGit)?;
    let Some(output) = child.stdout.take() else { return Err(HistoryError::Strange("it logs nothing".to_owned())) };
    let mut found = BTreeMap::new();
    let mut commit = String::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(HistoryError::Pipe)?;
        let line = String::from_utf8_lossy(&line);
        if let Some(id) = line.strip_prefix("commit ") {
            id.split_whitespace().next().unwrap_or_default().clone_into(&mut commit);
        } else if let Some(new) = line.strip_prefix(':').and_then(|rest| rest.split(' ').nth(3))
            && ids.contains(new)
        {
            found.entry(new.to_owned()).or_insert_with(|| commit.chars().take(12).collect());
        }
    }
    ended(child)?;
    Ok(found)
}

/// What was looked at and held nothing.
struct Cache {
    path: PathBuf,
    head: String,
    clean: BTreeSet<String>,
    changed: bool,
}

impl Cache {
    fn read(path: PathBuf, stamp: &str) -> Self {
        let head = format!("towpath leaks 1 {stamp}");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines();
        let same = lines.next() == Some(head.as_str());
        let is_id = |line: &&str| line.len() >= 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let clean = if same { lines.filter(is_id).map(str::to_owned).collect() } else { BTreeSet::new() };
        Self { path, head, clean, changed: false }
    }

    /// Writes it; where that is not possible the next run only takes longer.
    fn write(&self) {
        let Some(folder) = self.path.parent().filter(|_| self.changed) else { return };
        let fresh = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            let mut file = io::BufWriter::new(file);
            writeln!(file, "{}", self.head)?;
            for id in &self.clean {
                writeln!(file, "{id}")?;
            }
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&fresh, &self.path)
        };
        if write().is_err() {
            let _ = fs::remove_file(&fresh);
        }
    }
}
