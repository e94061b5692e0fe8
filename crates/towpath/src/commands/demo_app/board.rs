//! The board: its notices and how they are shown.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::mail::Mail;

/// How many notices fit on the board.
const MOST: usize = 20;

/// The board as it is configured.
pub(super) struct Board {
    school: String,
    page: String,
    notices: Mutex<VecDeque<String>>,
    /// How notices are mailed.
    pub(super) mail: Mail,
    /// What is waited before each answer.
    pub(super) delay: Duration,
}

impl Board {
    /// Reads the configuration from variables, the page and the first notices from the current folder.
    pub(super) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let delay = variable("RESPONSE_DELAY_MS").unwrap_or_else(|| "0".to_owned());
        let delay = delay.parse().map_err(|_| format!("RESPONSE_DELAY_MS: `{delay}` is not a number"))?;
        let page = fs::read_to_string("board.html").map_err(|error| format!("cannot read `board.html`: {error}"))?;
        let notices = fs::read_to_string("notices.txt").unwrap_or_default();
        Ok(Self {
            school: variable("SCHOOL").unwrap_or_else(|| "School".to_owned()),
            page,
            notices: Mutex::new(notices.lines().take(MOST).map(str::to_owned).collect()),
            mail: Mail::new(&variable("MAIL_URL").unwrap_or_else(|| "log:".to_owned()))?,
            delay: Duration::from_millis(delay),
        })
    }

    /// Returns the page.
    pub(super) fn html(&self) -> String {
        let notices: String = self.lock().iter().map(|notice| format!("<li>{}</li>\n", escape(notice))).collect();
        self.page.replace("{{school}}", &escape(&self.school)).replace("{{notices}}", &notices)
    }

    /// Returns the notices as JSON.
    pub(super) fn json(&self) -> String {
        serde_json::json!({ "school": self.school, "notices": *self.lock() }).to_string()
    }

    /// Puts a notice on top.
    pub(super) fn add(&self, notice: String) {
        let mut notices = self.lock();
        notices.push_front(notice);
        notices.truncate(MOST);
    }

    /// Writes a line of the log.
    #[expect(clippy::unused_self, reason = "the log is the board's")]
    pub(super) fn log(&self, line: &str) {
        // A board whose log nobody takes goes on.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the text of a form (`text=Two+words%21`).
pub(super) fn notice(form: &str) -> Option<String> {
    let encoded = form.split('&').find_map(|pair| pair.strip_prefix("text="))?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                let digits = str::from_utf8(&pair).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    let text: String = String::from_utf8(bytes).ok()?.chars().filter(|c| !c.is_control()).take(200).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
