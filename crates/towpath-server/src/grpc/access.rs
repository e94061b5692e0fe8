//! Who asks over gRPC, and for which environment.
//!
//! Metadata is for keys, but several providers of flagd let their users set no more than a selector, a provider id or the name
//! of the authority. A key is taken from there, too, when there is none where it belongs.

use http::{HeaderMap, Uri};
use tonic::Status;
use towpath_core::ids::EnvironmentName;

use super::messages::SyncRequest;
use crate::{
    app::App,
    guest::{self, Guest, Refused},
};

/// The name of flagd's selector in the metadata.
const SELECTOR: &str = "flagd-selector";

/// What a request says of who sends it, beside its message.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller {
    credential: Option<String>,
    selector: Option<String>,
    /// The name under which the server was asked for, up to its first dot.
    label: Option<String>,
}

/// What a selector selects.
#[derive(Debug, Default, PartialEq, Eq)]
struct Selected {
    environment: Option<EnvironmentName>,
    key: Option<String>,
}

impl Caller {
    pub(super) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let selector = headers.get(SELECTOR).and_then(|value| value.to_str().ok());
        let label = uri.authority().and_then(|authority| authority.host().split('.').next());
        Self {
            credential: guest::credential(headers).map(str::to_owned),
            selector: selector.map(str::to_owned),
            label: label.map(str::to_owned),
        }
    }

    /// Says whether it shows anything at all.
    pub(super) fn is_anonymous(&self, app: &App) -> bool {
        self.credential.is_none() && self.guest(app, None).is_err()
    }

    /// Lets the caller in, or says why not.
    pub(super) fn guest(&self, app: &App, request: Option<&SyncRequest>) -> Result<Guest, Status> {
        let asked = request.map(|request| request.selector.as_str()).filter(|selector| !selector.is_empty());
        let Selected { environment, key } = match self.selector.as_deref().or(asked) {
            Some(selector) => selected(selector)?,
            None => Selected::default(),
        };
        let named = environment.as_ref();
        if let Some(credential) = self.credential.as_deref().or(key.as_deref()) {
            return Guest::of(app, credential, named).map_err(refused);
        }
        let id = request.map(|request| request.provider_id.as_str()).filter(|id| !id.is_empty());
        let elsewhere = id.into_iter().chain(self.label.as_deref());
        for credential in elsewhere {
            match Guest::of(app, credential, named) {
                // Nobody said that it was a key.
                Err(Refused::Unknown) => {}
                known => return known.map_err(refused),
            }
        }
        Err(refused(Refused::Nothing))
    }
}

/// Reads `flagSetId=ENVIRONMENT`, `key=KEY` or both with a comma between them; a name alone is an environment.
fn selected(selector: &str) -> Result<Selected, Status> {
    let mut selected = Selected::default();
    for part in selector.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or(("flagSetId", part));
        match name.trim() {
            "flagSetId" => {
                let environment = value.trim().parse();
                selected.environment = Some(environment.map_err(|_| unknown_selector(part))?);
            }
            "key" => selected.key = Some(value.trim().to_owned()),
            _ => return Err(unknown_selector(part)),
        }
    }
    Ok(selected)
}

fn unknown_selector(part: &str) -> Status {
    let part: String = part.chars().take(100).collect();
    Status::invalid_argument(format!("the selector `{part}` selects nothing here: use `flagSetId=ENVIRONMENT`"))
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refused(why: Refused) -> Status {
    match why {
        Refused::Nothing | Refused::Unknown => Status::unauthenticated(why.to_string()),
        Refused::Elsewhere(_) => Status::permission_denied(why.to_string()),
        Refused::NoEnvironment => Status::invalid_argument(why.to_string()),
        Refused::NoSuchEnvironment(_) => Status::not_found(why.to_string()),
    }
}

#[cfg(test)]
mod tests;
