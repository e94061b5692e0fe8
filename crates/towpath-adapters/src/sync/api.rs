//! Requests with a token, and patience with services that limit or fail.
//!
//! What is repeated has the effect of once: every request of ours sets a value or removes a name.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, Response, StatusCode, Url, header::HeaderMap, redirect};
use serde_json::Value;
use towpath_core::secrets::SecretText;

use super::{SyncError, TIMEOUT};

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 8 << 20;

/// How long to go on when a service limits or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The most times a request is sent.
    pub tries: u32,
    /// The wait after the first failure; it doubles.
    pub first: Duration,
    /// The wait after a limit that does not say how long: GitHub asks for a minute.
    pub limit: Duration,
    /// The longest single wait; who is told to wait longer gives up.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            first: Duration::from_millis(500),
            limit: Duration::from_mins(1),
            longest: Duration::from_mins(2),
        }
    }
}

/// One HTTP API with a token.
pub(super) struct Api {
    service: &'static str,
    base: Url,
    http: reqwest::Client,
    token: SecretText,
    patience: Patience,
}

/// What to do after an answer that is no success.
enum Again {
    /// After this long.
    In(Duration),
    /// Not at all.
    Never,
}

impl Api {
    pub(super) fn new(
        service: &'static str,
        base: &str,
        token: SecretText,
        patience: Patience,
    ) -> Result<Self, SyncError> {
        let base =
            Url::parse(base).map_err(|_| SyncError::Unusable(format!("`{base}` is no address of {service}'s API")))?;
        let local = base.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        // A token is not sent where anybody on the way can read it.
        if base.scheme() != "https" && !(local && base.scheme() == "http") {
            return Err(SyncError::Unusable(format!("`{base}` is not `https`: the token would be seen on the way")));
        }
        if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SyncError::Unusable(format!("the token for {service} has characters that no token has")));
        }
        // Not to other hosts: what is sent is meant for this one.
        let same_host = redirect::Policy::custom(|attempt| {
            let first =
                attempt.previous().first().map(|url| (url.scheme().to_owned(), url.host_str().map(str::to_owned)));
            let next = (attempt.url().scheme().to_owned(), attempt.url().host_str().map(str::to_owned));
            if attempt.previous().len() > 4 || first != Some(next) { attempt.stop() } else { attempt.follow() }
        });
        let mut client = reqwest::Client::builder().timeout(TIMEOUT).redirect(same_host);
        if local {
            client = client.no_proxy();
        }
        let http = client.user_agent(concat!("towpath/", env!("CARGO_PKG_VERSION"))).build();
        let http = http.map_err(|error| SyncError::Away { target: service.to_owned(), reason: chain(&error) })?;
        Ok(Self { service, base, http, token, patience })
    }

    /// Returns the address without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns the service in words.
    pub(super) fn service(&self) -> &'static str {
        self.service
    }

    /// Sends a request, again where that helps, and returns the body of the good answer (`null` if it has none).
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, SyncError> {
        let mut waited = self.patience.first;
        for attempt in 1.. {
            let last = attempt >= self.patience.tries;
            let answer = self.once(&method, path, body).await;
            let (error, again) = match answer {
                Ok(response) if response.status().is_success() => return self.body(response).await,
                Ok(response) => self.refusal(response, waited).await,
                Err(error) => {
                    (SyncError::Away { target: self.service.to_owned(), reason: chain(&error) }, Again::In(waited))
                }
            };
            let Again::In(wait) = again else { return Err(error) };
            if last || wait > self.patience.longest {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            waited = waited.saturating_mul(2);
        }
        // Not reached: the last try returns. Said so that no loop without end can be.
        Err(self.strange("nothing"))
    }

    /// Returns the error of an answer that lacks something.
    pub(super) fn strange(&self, reason: &str) -> SyncError {
        SyncError::Strange { target: self.service.to_owned(), reason: reason.to_owned() }
    }

    async fn once(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Response, reqwest::Error> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base()));
        request = request.bearer_auth(self.token.expose()).header("accept", "application/json");
        if self.service == "GitHub" {
            request =
                request.header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    async fn body(&self, response: Response) -> Result<Value, SyncError> {
        let bytes = limited(response).await.ok_or_else(|| self.strange("an answer that ends early or is too long"))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.strange("no JSON"))
    }

    /// Returns what an answer that is no success means.
    async fn refusal(&self, response: Response, backoff: Duration) -> (SyncError, Again) {
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = limited(response).await.unwrap_or_default();
        let said = message(&bytes);
        if let Some(wait) = self.limit(status, &headers, &said, backoff) {
            let seconds = wait.as_secs().max(1);
            return (SyncError::Limited { target: self.service.to_owned(), seconds }, Again::In(wait));
        }
        let reason = if said.is_empty() { status.canonical_reason().unwrap_or("no reason").to_owned() } else { said };
        let again = if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            Again::In(backoff)
        } else {
            Again::Never
        };
        (SyncError::Refused { target: self.service.to_owned(), status: status.as_u16(), reason }, again)
    }

    /// Returns how long to wait if an answer means that there were too many requests, as GitHub's documentation says:
    /// `retry-after`, else `x-ratelimit-reset` where nothing remains, else a minute.
    fn limit(&self, status: StatusCode, headers: &HeaderMap, said: &str, backoff: Duration) -> Option<Duration> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let none_left = number("x-ratelimit-remaining") == Some(0);
        let secondary = said.to_ascii_lowercase().contains("rate limit");
        let limited = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::FORBIDDEN && (none_left || secondary || headers.contains_key("retry-after")));
        if !limited {
            return None;
        }
        let until = |at: u64| {
            let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
            // Clocks differ by a second.
            Duration::from_secs(at.saturating_sub(now) + 1)
        };
        let reset =
            number("x-ratelimit-reset").filter(|_| none_left || status == StatusCode::TOO_MANY_REQUESTS).map(until);
        Some(number("retry-after").map(Duration::from_secs).or(reset).unwrap_or(self.patience.limit.max(backoff)))
    }
}

async fn limited(mut response: Response) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return None;
        }
    }
    Some(bytes)
}

/// Returns what a service says in an answer that is no success: `message` (GitHub), `error.message` (Vercel).
fn message(bytes: &[u8]) -> String {
    let json: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let said =
        json.get("message").or_else(|| json.pointer("/error/message")).and_then(Value::as_str).unwrap_or_default();
    said.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Returns an error with what is under it. Addresses are ours; tokens are in headers, so none is in it.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(under) = source {
        text = format!("{text}: {under}");
        source = under.source();
    }
    text
}
