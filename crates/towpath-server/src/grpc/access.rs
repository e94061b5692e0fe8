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
    applications::{Denied, Evaluator, SELECTOR, presented},
};

/// What a request says of who sends it, beside its message.
pub(super) struct Caller {
    headers: HeaderMap,
    /// The name under which the server was asked for, up to its first dot.
    label: Option<String>,
}

/// What a selector selects.
#[derive(Debug, Default, PartialEq, Eq)]
struct Selected {
    environment: Option<String>,
    key: Option<String>,
}

impl Caller {
    pub(super) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let label = uri.authority().and_then(|authority| authority.host().split('.').next());
        Self { headers: headers.clone(), label: label.map(str::to_owned) }
    }

    /// Says whether it shows nothing that anybody could be known by.
    pub(super) fn is_anonymous(&self, app: &App) -> bool {
        presented(&self.headers).is_none() && self.evaluator(app, None).is_err()
    }

    /// Says who calls and for which environment, or why that is refused.
    pub(super) fn evaluator(&self, app: &App, request: Option<&SyncRequest>) -> Result<Evaluator, Status> {
        let asked = request.map(|request| request.selector.as_str()).filter(|selector| !selector.is_empty());
        let given = self.headers.get(SELECTOR).and_then(|value| value.to_str().ok());
        let Selected { environment, key } = given.or(asked).map_or_else(|| Ok(Selected::default()), selected)?;
        let admitted =
            |token: &str| app.admitted(token, [environment.as_deref(), None], &self.headers, app.engine.now());
        if let Some(token) = presented(&self.headers).or(key.as_deref()) {
            return admitted(token).map_err(denied);
        }
        let id = request.map(|request| request.provider_id.as_str()).filter(|id| !id.is_empty());
        for token in id.into_iter().chain(self.label.as_deref()) {
            match admitted(token) {
                // Nobody said that it was a key.
                Err(Denied::Unknown) => {}
                known => return known.map_err(denied),
            }
        }
        Err(Status::unauthenticated(
            "a key is needed: send it as the metadata `authorization: Bearer KEY` or `x-api-key: KEY`",
        ))
    }
}

/// Reads `flagSetId=ENVIRONMENT`, `key=KEY` or both with a comma between them; a name alone is an environment.
fn selected(selector: &str) -> Result<Selected, Status> {
    let mut selected = Selected::default();
    for part in selector.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or(("flagSetId", part));
        match name.trim() {
            "flagSetId" => {
                let environment: EnvironmentName = value.trim().parse().map_err(|_| unknown_selector(part))?;
                selected.environment = Some(environment.into());
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

fn denied(why: Denied) -> Status {
    match why {
        Denied::Unknown => Status::unauthenticated("the key is not known, or it was revoked"),
        Denied::Forbidden => Status::permission_denied("the key is of another environment, or not for this page"),
        Denied::Later(wait) => {
            Status::resource_exhausted(format!("the key makes too many requests; wait {} ms", wait.as_millis()))
        }
        Denied::NoEnvironment => Status::invalid_argument(
            "say which environment: the metadata `flagd-selector: flagSetId=ENVIRONMENT`, or the provider's option `selector`",
        ),
        Denied::NotFound(name) => Status::not_found(format!("there is no environment `{name}`")),
    }
}

#[cfg(test)]
mod tests;
