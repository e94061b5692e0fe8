//! Questions whose answer is not shown while it is typed.

use std::io::{self, BufRead as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Asks on the terminal; the answer is not echoed.
pub(super) fn ask_hidden(context: &Context, question: &str) -> Result<Zeroizing<String>, Failure> {
    if !context.is_interactive() {
        return Err(Failure::usage(format!("the {question} cannot be asked for: there is no terminal, or --no-input")));
    }
    let failed = |error: &io::Error| Failure::new(Exit::Failed, "no_answer", "cannot read the answer").because(error);
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| failed(&error.into()))?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(|error| failed(&error.into()))?;
    let mut answer = Zeroizing::new(String::with_capacity(1024));
    let mut err = io::stderr().lock();
    let read =
        write!(err, "{question}: ").and_then(|()| err.flush()).and_then(|()| stdin.lock().read_line(&mut answer));
    // Whatever happened, the terminal is as it was.
    let _ = tcsetattr(&stdin, OptionalActions::Flush, &before);
    let _ = writeln!(err);
    read.map_err(|error| failed(&error))?;
    let length = answer.trim_end_matches(['\n', '\r']).len();
    answer.truncate(length);
    Ok(answer)
}
