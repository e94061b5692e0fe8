//! Why Vault does not do what it is asked, in words that say what to do.

use std::path::PathBuf;

/// Why Vault does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No address was given.
    #[error("no address of Vault: set `address` of the `vault` section, or the variable VAULT_ADDR")]
    NoAddress,
    /// The address is no address.
    #[error("`{address}` is no address of Vault: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// Why not.
        reason: &'static str,
    },
    /// Nothing to sign in with.
    #[error("nothing to sign in to Vault with: the variable `{variable}` is not set")]
    NoCredential {
        /// The variable.
        variable: String,
    },
    /// A credential that cannot be one.
    #[error("what is in `{variable}` is no credential of Vault: it holds characters that none has")]
    BadCredential {
        /// The variable.
        variable: String,
    },
    /// Somebody wants the server's certificate not to be checked.
    #[error(
        "VAULT_SKIP_VERIFY is set, but whoever answers in Vault's place would get its token and every value: unset it, and name the certificate of Vault's authority in VAULT_CACERT or `ca`"
    )]
    SkipVerify,
    /// The certificates cannot be read.
    #[error("the certificates `{}` cannot be read", file.display())]
    Ca {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificates are none.
    #[error("`{}` holds no certificates in PEM", file.display())]
    NoCa {
        /// The file.
        file: PathBuf,
    },
    /// The HTTP client cannot be made.
    #[error("no connection to Vault can be prepared")]
    Client {
        /// Why.
        source: reqwest::Error,
    },
    /// A mount, path or name that cannot be part of an address.
    #[error("`{path}` is no path in Vault: its parts are separated by single slashes, none is empty, `.` or `..`")]
    Path {
        /// What was given.
        path: String,
    },
    /// Nobody answers.
    #[error("Vault at {address} cannot be reached")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It is sealed.
    #[error("Vault at {address} is sealed: an operator must unseal it")]
    Sealed {
        /// Where.
        address: String,
    },
    /// It is a standby that does not answer itself.
    #[error("Vault at {address} is a standby that does not answer: {what}")]
    Standby {
        /// Where.
        address: String,
        /// Which kind.
        what: &'static str,
    },
    /// It says to come later, and has said so each time.
    #[error("Vault at {address} answered {status} each time: {reason}")]
    Busy {
        /// Where.
        address: String,
        /// The status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// The token lacks a right.
    #[error(
        "Vault's token may not {capability} `{path}`{namespace}: a policy of the token must say `path \"{path}\" {{ capabilities = [{listed}] }}`"
    )]
    Denied {
        /// What it may not do, as policies call it.
        capability: &'static str,
        /// The same as it stands in a policy.
        listed: &'static str,
        /// Where.
        path: String,
        /// In which namespace, in words.
        namespace: String,
    },
    /// The token is not good any more.
    #[error("Vault does not know the token: it expired, was revoked, or is of another namespace")]
    Expired,
    /// Signing in failed.
    #[error("Vault does not let the role in at `{mount}`: {reason}")]
    Login {
        /// Where.
        mount: String,
        /// What it said.
        reason: String,
    },
    /// A write lost against another one.
    #[error("`{path}` in Vault has changed meanwhile")]
    Raced {
        /// Where.
        path: String,
    },
    /// It refuses for another reason.
    #[error("Vault refuses `{path}` with {status}: {reason}")]
    Rejected {
        /// What was asked.
        path: String,
        /// The status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// What it said is no answer.
    #[error("Vault's answer for `{path}` is not understood: {reason}")]
    Malformed {
        /// What was asked.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Too much to send.
    #[error("what is to be written to `{path}` has {bytes} bytes, and {most} is the most")]
    TooLarge {
        /// Where.
        path: String,
        /// How much it is.
        bytes: usize,
        /// How much it may be.
        most: usize,
    },
}

impl VaultError {
    /// Says whether another try later may help without anybody changing anything but Vault's state.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Sealed { .. } | Self::Standby { .. } | Self::Busy { .. })
    }

    /// Returns the message with all causes, for errors that hold a text only.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            // Some errors repeat their cause.
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        text
    }
}

/// Returns what `{"errors": […]}` says on one line, without anything that was sent.
pub(super) fn said(body: &[u8], hidden: &[&str]) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<String>,
    }
    const MOST: usize = 400;
    let errors = serde_json::from_slice::<Errors>(body).map(|it| it.errors).unwrap_or_default();
    let mut text = errors.join("; ");
    // Whole, and line by line, because whoever quotes a text writes its line ends otherwise. The longest first, so that no
    // rest of it stays.
    let mut parts: Vec<&str> =
        hidden.iter().flat_map(|secret| std::iter::once(*secret).chain(secret.lines())).collect();
    parts.retain(|part| part.len() >= 4);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts {
        text = text.replace(part, "…");
    }
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "*" && !word.is_empty()).collect();
    let mut text: String = words.join(" ").chars().filter(|it| !it.is_control()).collect();
    for count in ["1 error occurred: ", "2 errors occurred: ", "3 errors occurred: "] {
        text = text.replace(count, "");
    }
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    if text.is_empty() { "it gives no reason".to_owned() } else { text }
}

/// Says whether a 403 means that the token itself is not good, rather than that it lacks a right: where a right is lacking,
/// Vault counts its errors.
pub(super) fn token_is_dead(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("invalid token") || text.contains("bad token") || !text.contains("error occurred")
}
