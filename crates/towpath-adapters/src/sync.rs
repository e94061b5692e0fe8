//! Copies of secrets where other tools need them: GitHub Actions, Vercel, Kubernetes.
//!
//! A target says what it has and takes changes, item by item, so that what failed and what was done is known of each. What is to
//! be done is decided in core; what we know of earlier copies is kept by the caller. Values leave only encrypted: sealed for
//! GitHub's key, over TLS to Vercel, into a file of the user's own or the standard input of `kubectl`.

mod api;
mod github;
mod kubernetes;
mod manifest;
mod vercel;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use towpath_core::secrets::{Remote, SecretText, SyncSpec};
use towpath_secrets::{entropy::Entropy, keyed::DigestKey, sealed_box::SealError};

use api::Api;
pub use api::Patience;
use github::GitHub;
pub use kubernetes::Kubernetes;
use vercel::Vercel;

/// Why a target does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The specification cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The variable with the token is not set.
    #[error("there is no token in `{variable}`")]
    NoToken {
        /// The variable.
        variable: String,
    },
    /// It cannot be reached, also after several tries.
    #[error("{target} cannot be reached: {reason}")]
    Away {
        /// Which.
        target: String,
        /// Why.
        reason: String,
    },
    /// It says to come later, and that is longer than we wait.
    #[error("{target} takes no more requests for {seconds} seconds")]
    Limited {
        /// Which.
        target: String,
        /// How long.
        seconds: u64,
    },
    /// It answered no.
    #[error("{target} refuses ({status}): {reason}")]
    Refused {
        /// Which.
        target: String,
        /// The status of the answer.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// Its answer is not what its documentation says.
    #[error("{target} answers what cannot be understood: {reason}")]
    Strange {
        /// Which.
        target: String,
        /// What is missing in it.
        reason: String,
    },
    /// The value cannot be sealed.
    #[error("the value cannot be sealed for {target}")]
    Sealing {
        /// For which.
        target: String,
        /// Why not.
        source: SealError,
    },
    /// The file is somebody else's.
    #[error("`{}` was not written by towpath, so it is left alone", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed: {reason}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        reason: String,
    },
}

impl SyncError {
    /// Says what can be done about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoToken { variable } => Some(format!("set {variable} to a token that may write secrets there")),
            Self::Refused { status: 401, .. } => Some("the token is wrong or has expired: make another one".to_owned()),
            Self::Refused { status: 403, .. } => {
                Some("the token may not do this: give it the right to write secrets".to_owned())
            }
            Self::Refused { status: 404, .. } => {
                Some("check the name; a token without rights is told that nothing is there".to_owned())
            }
            Self::Limited { .. } | Self::Away { .. } => {
                Some("try again later: what was done is kept and not done twice".to_owned())
            }
            Self::Foreign { .. } => Some("name another file, or remove this one".to_owned()),
            Self::Unusable(_)
            | Self::Refused { .. }
            | Self::Strange { .. }
            | Self::Sealing { .. }
            | Self::File { .. }
            | Self::Program { .. } => None,
        }
    }
}

/// What is to be changed in a target.
#[derive(Debug)]
pub struct Change<'a> {
    /// Every value the target is to have, for targets that are written as a whole.
    pub all: &'a BTreeMap<String, SecretText>,
    /// The secrets to write; all of them are in `all`.
    pub write: &'a BTreeSet<String>,
    /// The secrets to remove.
    pub remove: &'a BTreeSet<String>,
}

/// What came of each secret of a change: the revision it has now, if it is there and the target has such a thing.
pub type Applied = BTreeMap<String, Result<Option<String>, SyncError>>;

/// Somewhere secrets are copied to.
#[async_trait]
pub trait SyncTarget: Send + Sync {
    /// Names the place for good, whatever people call it: under this name it is remembered what was copied there.
    fn id(&self) -> String;

    /// Returns the place in words.
    fn title(&self) -> String;

    /// Says which of the target's rules forbids a secret, if any does.
    fn forbids(&self, name: &str, value: &SecretText) -> Option<String>;

    /// Returns what the target has, our copies and others.
    async fn there(&self, key: &DigestKey) -> Result<BTreeMap<String, Remote>, SyncError>;

    /// Carries a change out as far as it goes. Everything named in it is in the answer.
    async fn apply(&self, change: &Change<'_>) -> Result<Applied, SyncError>;
}

/// What targets are made with.
pub struct Means<'a> {
    /// The folder that files are relative to.
    pub root: &'a Path,
    /// Returns a variable of the process.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// How long to go on trying.
    pub patience: Patience,
}

impl std::fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Returns the keyed digest of a value for a target.
pub fn digest_of(key: &DigestKey, target: &str, name: &str, value: &SecretText) -> String {
    key.digest(&["sync", target, name], value).as_str().to_owned()
}

/// Returns what people call a target and which secrets it takes, all if none are named.
pub fn name_and_only(spec: &SyncSpec) -> (&str, &[String]) {
    match spec {
        SyncSpec::GitHub { name, only, .. }
        | SyncSpec::Vercel { name, only, .. }
        | SyncSpec::Kubernetes { name, only, .. } => (name, only),
    }
}

/// Makes the target that a specification describes. Nothing is asked of it yet.
pub fn open(spec: &SyncSpec, means: &Means<'_>) -> Result<Box<dyn SyncTarget>, SyncError> {
    let token = |variable: &String| {
        let token = (means.variable)(variable).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        token.map(SecretText::new).ok_or_else(|| SyncError::NoToken { variable: variable.clone() })
    };
    Ok(match spec {
        SyncSpec::GitHub { repository, environment, organization, api, token_variable, .. } => {
            let place = github::Place::of(repository.as_deref(), environment.as_deref(), organization.as_deref())?;
            let api = Api::new("GitHub", api, token(token_variable)?, means.patience)?;
            Box::new(GitHub::new(api, place, Arc::clone(&means.entropy)))
        }
        SyncSpec::Vercel { project, team, targets, api, token_variable, .. } => {
            let api = Api::new("Vercel", api, token(token_variable)?, means.patience)?;
            Box::new(Vercel::new(api, project, team.as_deref(), targets)?)
        }
        SyncSpec::Kubernetes { file, secret, namespace, .. } => {
            let file = file.as_ref().map(|file| means.root.join(file));
            Box::new(Kubernetes::new(file, secret, namespace.as_deref(), PathBuf::from("kubectl"))?)
        }
    })
}

/// Says whether a name is one of an environment variable.
fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Escapes a part of a path of a URL.
fn escaped(part: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    part.bytes().map(one).collect()
}

/// How long one request or program may take.
const TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
