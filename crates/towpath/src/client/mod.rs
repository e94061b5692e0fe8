//! The API as the commands use it: finding the server, its token, requests, problems.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use towpath_server::api::types::Problem;

use crate::{
    cli::Globals,
    failure::{Exit, Failure},
    folder::{ProjectFolder, unreadable},
    server::lock::Lock,
};

mod calls;
mod experiments;
mod flag_changes;
mod flag_keys;
mod flag_schedules;
mod rotations;
mod running;
mod secrets;
mod stream;

pub(crate) use calls::EventQuery;
pub(crate) use stream::{Events, Signal};

/// How long one request may take; streams and uploads have no such limit.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Where the running server of a folder can be reached: `.towpath/server.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// The address of the API, such as `http://127.0.0.1:7070`.
    pub url: String,
    /// The process.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
}

/// A client of one server, as one person.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// The folder that says where the server is, if the user did not: it is asked again when the server was restarted.
    data: Option<PathBuf>,
}

impl Running {
    /// Returns the file that says it.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("server.json")
    }

    /// Reads it, if that server still holds the folder. Nobody else is to be sent a token.
    pub(crate) fn serving(data: &Path) -> Result<Option<Self>, Failure> {
        if Lock::is_held(data) { Self::read(data) } else { Ok(None) }
    }

    /// Reads it; `None` when no server was started or it was stopped in good order.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>, Failure> {
        let path = Self::path(data);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                Failure::new(Exit::Failed, "damaged", format!("`{}` is damaged", path.display()))
                    .because(&error)
                    .next("stop the server and start it again: towpath up")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

impl Client {
    /// Returns the client that the options, the process environment and the project's folder lead to.
    pub(crate) fn find(globals: &Globals) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build();
        let http =
            http.map_err(|error| Failure::new(Exit::Failed, "client", "cannot start a client").because(&error))?;
        let token = std::env::var("TOWPATH_TOKEN").ok().filter(|token| !token.is_empty());
        if let Some(url) = &globals.url {
            let token = match (token, ProjectFolder::find(globals.project.as_deref())) {
                (Some(token), _) if globals.acting_as.is_none() => token,
                (_, Ok(folder)) => read_token(&folder.data(), globals.acting_as.as_deref())?,
                (_, Err(_)) => {
                    return Err(Failure::usage(format!("no token for `{url}`")).next("set TOWPATH_TOKEN"));
                }
            };
            return Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token, data: None });
        }
        let data = ProjectFolder::find(globals.project.as_deref())?.data();
        let running = Running::serving(&data)?.ok_or_else(|| {
            Failure::new(Exit::Unreachable, "no_server", "no server runs for this project").next("towpath up")
        })?;
        let token = match token {
            Some(token) if globals.acting_as.is_none() => token,
            _ => read_token(&data, globals.acting_as.as_deref())?,
        };
        Ok(Self { http, url: running.url, token, data: Some(data) })
    }

    /// Looks again where the server is: after a restart it may have another address.
    pub(crate) fn refind(&mut self) {
        let running = self.data.as_deref().and_then(|data| Running::serving(data).ok().flatten());
        if let Some(running) = running {
            self.url = running.url;
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn send(&self, request: reqwest::RequestBuilder, kept: &str) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_default();
        Err(match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Failure::of_problem(&problem, kept),
            Err(_) => Failure::new(Exit::Failed, "unexpected_answer", format!("`{}` answered {status}", self.url))
                .next("is this the address of a towpath server?"),
        })
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(
                Exit::Failed,
                "unexpected_answer",
                format!("the answer of `{}` cannot be understood", self.url),
            )
            .because(&error)
            .next("use the same version of towpath here and there")
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        let request = self.request(Method::GET, &with_query(path, query)).timeout(TIMEOUT);
        let response = self.send(request, "nothing was changed").await?;
        self.json(response).await
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<(StatusCode, T), Failure> {
        let request = self.request(Method::POST, path).timeout(TIMEOUT).json(body);
        let response = self.send(request, "nothing was changed").await?;
        let status = response.status();
        Ok((status, self.json(response).await?))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let failure =
            Failure::new(Exit::Unreachable, "unreachable", format!("the server at `{}` does not answer", self.url))
                .because(error);
        match &self.data {
            Some(_) => failure.next("towpath up, if it was stopped or killed"),
            None => failure.next("check --url and TOWPATH_URL"),
        }
    }
}

/// Returns the path with a query, the values escaped.
fn with_query(path: &str, query: &[(&str, String)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Escapes everything but RFC 3986's unreserved characters.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Reads the token of a person, or of the owner.
fn read_token(data: &Path, person: Option<&str>) -> Result<String, Failure> {
    let path = match person {
        None => data.join("token"),
        // A name, never a path.
        Some(name) if towpath_core::ids::is_name(name) => data.join("tokens").join(name),
        Some(name) => return Err(Failure::usage(format!("`{name}` is not the name of a person"))),
    };
    match fs::read_to_string(&path) {
        Ok(token) => Ok(token.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(match person {
            Some(name) => Failure::new(Exit::Usage, "no_token", format!("there is no token of `{name}`"))
                .next(format!("add `{name}` under `people:` in towpath.yaml and start the server again")),
            None => Failure::new(Exit::Unreachable, "no_token", "this project has no token yet").next("towpath up"),
        }),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

#[cfg(test)]
mod tests;
