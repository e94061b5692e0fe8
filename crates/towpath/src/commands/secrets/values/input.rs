//! Where a value is read from: a file, standard input, or a person who types it unseen.

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
};

/// More than any value may have.
const MOST: u64 = 1 << 20;

/// Returns a value from where the command line says, or else from whoever or whatever is there.
pub(in crate::commands::secrets) async fn value(
    context: &Context,
    name: &str,
    from: Option<&Path>,
) -> Result<SecretText, Failure> {
    match from {
        Some(path) if path != Path::new("-") => {
            let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
            text_of(file, &path.display().to_string())
        }
        Some(_) => text_of(io::stdin().lock(), "standard input"),
        None if !io::stdin().is_terminal() => text_of(io::stdin().lock(), "standard input"),
        None if !context.is_interactive() => Err(Failure::usage("nobody can be asked for the value")
            .kept("nothing was changed")
            .next("pipe it in, or give --from-file")),
        None => typed(context, name).await,
    }
}

/// Returns what is piped in, if anything is.
pub(in crate::commands::secrets) fn piped() -> Result<Option<SecretText>, Failure> {
    let mut input = io::stdin().lock();
    let empty = input.fill_buf().map_or(true, <[u8]>::is_empty);
    if empty { Ok(None) } else { text_of(input, "standard input").map(Some) }
}

/// Has a person type a value twice.
async fn typed(context: &Context, name: &str) -> Result<SecretText, Failure> {
    let paint = context.out.paint_err();
    let first = hidden(&format!("value of {}: ", paint.bold(name))).await?;
    let second = hidden("once more: ").await?;
    if first != second {
        return Err(Failure::usage("the two are not the same").kept("nothing was changed").next("type it again"));
    }
    Ok(first)
}

/// What the terminal was like; it is put back when this goes.
struct Unseen {
    before: Termios,
}

impl Unseen {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that the next text begins on a line of its own.
        unseen.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Where the terminal is gone, nothing has to be put back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Reads a line that is not shown. Whatever ends the waiting, the terminal is as before.
async fn hidden(question: &str) -> Result<SecretText, Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::new(Exit::Failed, "no_answer", "cannot read the value from the terminal")
            .because(error)
            .kept("nothing was changed")
    };
    let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut hung_up = signal(SignalKind::hangup()).map_err(|error| failed(&error))?;
    let unseen = Unseen::begin().map_err(|error| failed(&error))?;
    let mut err = io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).map_err(|error| failed(&error))?;
    drop(err);
    // A thread of its own, which is left behind when a signal ends the waiting: the process ends then.
    let (send, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = Zeroizing::new(String::with_capacity(8192));
        let read = io::stdin().lock().read_line(&mut line);
        drop(send.send(read.map(|_| line)));
    });
    let line = tokio::select! {
        line = line => line.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?,
        _ = interrupted.recv() => return Err(stopped(unseen)),
        _ = terminated.recv() => return Err(stopped(unseen)),
        _ = hung_up.recv() => return Err(stopped(unseen)),
    };
    drop(unseen);
    Ok(SecretText::new(line.strip_suffix('\n').unwrap_or(&line)))
}

fn stopped(unseen: Unseen) -> Failure {
    drop(unseen);
    let _ = writeln!(io::stderr().lock());
    Failure::new(Exit::Interrupted, "interrupted", "interrupted").kept("nothing was changed")
}

/// Returns a text, without the one newline that shells and editors end it with.
fn text_of(from: impl io::Read, what: &str) -> Result<SecretText, Failure> {
    let failed = |message: String| Failure::new(Exit::Usage, "unreadable", message).kept("nothing was changed");
    // Room is made at first: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(128 << 10));
    let read = from.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(format!("cannot read the value from {what}")).because(&error))?;
    if bytes.len() as u64 > MOST {
        return Err(failed(format!("{what} is longer than any value may be")));
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| failed(format!("{what} is not UTF-8 text")).next("encode it, for example as base64"))?;
    if text.is_empty() {
        return Err(failed(format!("{what} is empty")).next("towpath secrets unset, if it is to have no value"));
    }
    Ok(SecretText::new(text))
}
