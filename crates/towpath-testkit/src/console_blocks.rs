//! Reads the ```` ```console ```` blocks of a page, so that a test can run what the page tells people to type.
//!
//! Reads and judges only: where commands run, with which environment and which shell, is the test's business.
//!
//! A line that begins with `$ ` is a command; lines up to the next command are what it prints, for people. A comment at
//! the end of the command says what else to expect or do: `# exit 3`, or `# not run: reason`. A here-document
//! (`<<'EOF'`) goes on to the line that ends it.

#[cfg(test)]
mod tests;

/// A block of commands that are run one after another in the same folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of the page the block opens on, from 1.
    pub line: usize,
    /// Its commands, in order.
    pub commands: Vec<Command>,
}

/// One command of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line of the page, from 1.
    pub line: usize,
    /// What to give the shell.
    pub text: String,
    /// The exit status the page promises; 0 where it says nothing.
    pub exit: i32,
    /// Why it is not run, where the page says so.
    pub not_run: Option<String>,
}

/// Why a page cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A block is never closed.
    #[error("line {line}: the block is never closed: end it with three backticks")]
    Open {
        /// The line it opens on.
        line: usize,
    },
    /// A block has no commands, so nothing would be tested.
    #[error("line {line}: the block has no command: begin commands with `$ `, or mark the block `text`")]
    Empty {
        /// The line it opens on.
        line: usize,
    },
    /// A here-document is not ended.
    #[error("line {line}: the text of the command is not ended by a line `{end}`")]
    Document {
        /// The line of the command.
        line: usize,
        /// What should end it.
        end: String,
    },
    /// The comment at the end of a command is one of ours, but wrong.
    #[error("line {line}: `{comment}` is not understood: write `# exit NUMBER` or `# not run: REASON`")]
    Comment {
        /// The line of the command.
        line: usize,
        /// What stands there.
        comment: String,
    },
}

/// Returns the console blocks of a page, in order; `Err` on the first that cannot be read.
pub fn blocks(page: &str) -> Result<Vec<Block>, PageError> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((opening, line)) = lines.next() {
        let Some(fence) = Fence::opened_by(opening) else { continue };
        let mut inside = Vec::new();
        loop {
            let (text, number) = lines.next().ok_or(PageError::Open { line })?;
            if fence.is_closed_by(text) {
                break;
            }
            inside.push((text.strip_prefix(fence.indent).unwrap_or(text), number));
        }
        if fence.language == "console" {
            blocks.push(block(line, &inside)?);
        }
    }
    Ok(blocks)
}

/// The line that opens a code block, of any language: one inside another must not be taken for an opening.
struct Fence<'a> {
    indent: &'a str,
    ticks: usize,
    language: &'a str,
}

impl<'a> Fence<'a> {
    fn opened_by(line: &'a str) -> Option<Self> {
        let text = line.trim_start();
        let language = text.trim_start_matches('`');
        let ticks = text.len() - language.len();
        let indent = line.get(..line.len() - text.len())?;
        let language = language.split([',', ' ']).next().unwrap_or_default();
        (ticks >= 3 && !language.contains('`')).then_some(Self { indent, ticks, language })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim();
        text.len() >= self.ticks && text.chars().all(|character| character == '`')
    }
}

fn block(line: usize, inside: &[(&str, usize)]) -> Result<Block, PageError> {
    let mut commands = Vec::new();
    let mut lines = inside.iter();
    while let Some((text, number)) = lines.next() {
        let Some(first) = text.strip_prefix("$ ") else { continue };
        let mut whole = first.to_owned();
        while whole.ends_with('\\') {
            let Some((more, _)) = lines.next() else { break };
            whole.push('\n');
            whole.push_str(more.strip_prefix("> ").unwrap_or(more));
        }
        let mut command = command(&whole, *number)?;
        if let Some(end) = here_document(&command.text).map(str::to_owned) {
            loop {
                let (text, _) = lines.next().ok_or_else(|| PageError::Document { line: *number, end: end.clone() })?;
                command.text.push('\n');
                command.text.push_str(text);
                if *text == end {
                    break;
                }
            }
        }
        commands.push(command);
    }
    if commands.is_empty() { Err(PageError::Empty { line }) } else { Ok(Block { line, commands }) }
}

/// Returns the word that ends the here-document of a command, if it has one.
fn here_document(command: &str) -> Option<&str> {
    let (_, after) = command.split_once("<<'")?;
    after.split_once('\'').map(|(end, _)| end).filter(|end| !end.is_empty())
}

fn command(text: &str, line: usize) -> Result<Command, PageError> {
    let (text, comment) = text.rsplit_once(" # ").unwrap_or((text, ""));
    let wrong = || PageError::Comment { line, comment: comment.trim().to_owned() };
    let mut command = Command { line, text: text.trim_end().to_owned(), exit: 0, not_run: None };
    if let Some(status) = comment.strip_prefix("exit ") {
        command.exit = status.trim().parse().map_err(|_| wrong())?;
    } else if let Some(reason) = comment.strip_prefix("not run") {
        let reason = reason.strip_prefix(':').map(str::trim).filter(|reason| !reason.is_empty());
        command.not_run = Some(reason.ok_or_else(wrong)?.to_owned());
    }
    Ok(command)
}

/// Says whether a command's exit status is what the page promises; `Err` is a sentence for the person who mends the page.
///
/// `status` is `None` when a signal ended the command.
pub fn judge(page: &str, command: &Command, status: Option<i32>, output: &str) -> Result<(), String> {
    if status == Some(command.exit) {
        return Ok(());
    }
    let ended = status.map_or_else(|| "was ended by a signal".to_owned(), |status| format!("exited with {status}"));
    Err(format!("{page}:{}: `{}` {ended}, the page promises {}:\n{output}", command.line, command.text, command.exit))
}
