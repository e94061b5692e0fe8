//! Requests: sent with a good token, again where Vault says to come later, and read with a limit.

use std::{fmt, time::Instant};

use bytes::Bytes;
use reqwest::{Method, StatusCode, Url, header};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use super::{
    VaultError, VaultLogin, VaultSettings,
    error::{said, token_is_dead},
    path,
    session::{Session, Signed},
};

/// More than any answer we ask for: Vault keeps entries of at most 1 MiB.
const MOST_ANSWER_BYTES: usize = 8 << 20;
/// What Vault's storage takes for one entry (`max_entry_size`).
pub(super) const MOST_BODY_BYTES: usize = 1 << 20;
/// A longer `Retry-After` is told to whoever asked instead of waited for.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What Vault says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// Whether it has been set up.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Whether another server is the active one.
    pub standby: bool,
    /// Its version.
    pub version: String,
}

/// A client of one Vault, with one way to sign in. Cheap to share; not to clone.
pub struct VaultClient {
    http: reqwest::Client,
    settings: VaultSettings,
    session: Mutex<Option<Session>>,
    #[cfg(test)]
    pub(super) ahead: std::sync::Mutex<std::time::Duration>,
}

/// A request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/v1/`, before encoding.
    pub(super) path: &'a str,
    pub(super) query: Option<String>,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// What a policy must allow, and the same as it is written in one.
    pub(super) needs: (&'static str, &'static str),
    /// What may not stand in a message, besides the token.
    pub(super) hidden: Vec<&'a str>,
    /// Whether doing it twice does no harm.
    pub(super) again: bool,
}

pub(super) const READ: (&str, &str) = ("read", "\"read\"");
pub(super) const LIST: (&str, &str) = ("list", "\"list\"");
pub(super) const WRITE: (&str, &str) = ("write to", "\"create\", \"update\"");
pub(super) const UPDATE: (&str, &str) = ("update", "\"update\"");
pub(super) const PATCH: (&str, &str) = ("patch", "\"patch\"");
pub(super) const DELETE: (&str, &str) = ("delete", "\"delete\"");

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, path: &'a str, needs: (&'static str, &'static str)) -> Self {
        Self { method, path, query: None, body: None, needs, hidden: Vec::new(), again: true }
    }
}

/// An answer that is no refusal.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Answered {
    pub(super) fn parse<T: DeserializeOwned>(&self, path: &str) -> Result<T, VaultError> {
        // The parser's own message could hold part of a value.
        serde_json::from_slice(&self.body).map_err(|_| VaultError::Malformed {
            path: path.to_owned(),
            reason: "it is not the JSON that was expected",
        })
    }
}

/// How all tries ended that did not fail.
enum Tried {
    Done(Answered),
    Forbidden { dead: bool },
}

/// How one try ended.
enum Try {
    Done(Answered),
    /// The token is not good, surely or perhaps, or lacks the right.
    Forbidden {
        /// Whether Vault says that it does not know the token.
        dead: bool,
    },
    /// Worth another try, after this long if it said so.
    Later(VaultError, Option<std::time::Duration>),
    Over(VaultError),
}

impl VaultClient {
    /// Prepares a client; nothing is sent yet.
    pub fn new(settings: VaultSettings) -> Result<Self, VaultError> {
        let mut builder = reqwest::Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout / 2)
            // Followed by hand: the token goes where Vault sends it, but never in the clear.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("towpath/", env!("CARGO_PKG_VERSION")));
        if settings.is_plain() {
            // No certificate is needed, and no proxy is to see what stays on this machine.
            builder = builder.tls_certs_only(Vec::new()).no_proxy();
        } else if let Some(file) = &settings.ca {
            let pem = std::fs::read(file).map_err(|source| VaultError::Ca { file: file.clone(), source })?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(VaultError::NoCa { file: file.clone() });
            }
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|source| VaultError::Client { source })?;
        Ok(Self {
            http,
            settings,
            session: Mutex::new(None),
            #[cfg(test)]
            ahead: std::sync::Mutex::default(),
        })
    }

    /// Returns the address it talks to.
    pub fn address(&self) -> &str {
        &self.settings.address
    }

    /// Returns the namespace it works in, if there is one.
    pub fn namespace(&self) -> Option<&str> {
        self.settings.namespace.as_deref()
    }

    /// Asks how Vault is; that needs no token. A sealed Vault and a standby are answers too.
    pub async fn health(&self) -> Result<Health, VaultError> {
        const PATH: &str = "sys/health";
        const SAYING: &str =
            "standbyok=true&sealedcode=200&uninitcode=200&drsecondarycode=200&performancestandbycode=200";
        let request = self.http.get(format!("{}/v1/{PATH}?{SAYING}", self.settings.address));
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let body = self.read(response, PATH).await?;
        if !status.is_success() {
            let reason = said(&body, &[]);
            return Err(VaultError::Rejected { path: PATH.to_owned(), status: status.as_u16(), reason });
        }
        Answered { status, body }.parse(PATH)
    }

    /// Renews the token in time, for ever: for a server that may not talk to Vault for longer than its token lives.
    pub async fn keep_alive(&self) {
        loop {
            let next = match self.session().await {
                Ok(session) => session.next(),
                Err(_) => Some(self.now() + self.settings.timeout),
            };
            let Some(next) = next else { return std::future::pending().await };
            let wait = next.saturating_duration_since(self.now());
            tokio::time::sleep(wait.max(std::time::Duration::from_secs(1))).await;
        }
    }

    /// Revokes the token if it was got by signing in; a token that was given is left alone.
    pub async fn sign_out(&self) {
        let session = self.session.lock().await.take();
        if let (Some(session), VaultLogin::AppRole { .. }) = (session, &self.settings.login) {
            let call = Call::new(Method::POST, "auth/token/revoke-self", UPDATE);
            let _ = self.attempt(&call, Some(&session.token)).await;
        }
    }

    /// Sends a request with a good token.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Answered, VaultError> {
        let bytes = call.body.as_ref().map_or(0, |body| body.len());
        if bytes > MOST_BODY_BYTES {
            return Err(VaultError::TooLarge { path: call.path.to_owned(), bytes, most: MOST_BODY_BYTES });
        }
        let session = self.session().await?;
        let dead = match self.tries(&call, Some(&session.token)).await? {
            Tried::Done(done) => return Ok(done),
            Tried::Forbidden { dead } => dead,
        };
        // Revoked or expired before its time? A role gets another token; one that was given cannot be replaced.
        if !matches!(self.settings.login, VaultLogin::AppRole { .. }) {
            return Err(if dead { VaultError::Expired } else { self.denied(&call) });
        }
        if !dead && self.knows(&session).await? {
            return Err(self.denied(&call));
        }
        let session = self.sign_in_after(session.number).await?;
        match self.tries(&call, Some(&session.token)).await? {
            Tried::Done(done) => Ok(done),
            Tried::Forbidden { .. } => Err(self.denied(&call)),
        }
    }

    /// Says whether Vault knows a token: every policy lets a token ask about itself, unless somebody took that away. Some
    /// versions say of a token they do not know what they say of a right that is lacking.
    async fn knows(&self, session: &Session) -> Result<bool, VaultError> {
        let call = Call::new(Method::GET, "auth/token/lookup-self", READ);
        Ok(matches!(self.tries(&call, Some(&session.token)).await?, Tried::Done(_)))
    }

    /// Tries as often as is allowed.
    async fn tries(&self, call: &Call<'_>, token: Option<&SecretText>) -> Result<Tried, VaultError> {
        let mut wait = self.settings.backoff;
        let mut left = self.settings.retries;
        loop {
            match self.attempt(call, token).await {
                Try::Done(answered) => return Ok(Tried::Done(answered)),
                Try::Forbidden { dead } => return Ok(Tried::Forbidden { dead }),
                Try::Over(error) => return Err(error),
                Try::Later(error, told) => {
                    if left == 0 || told.is_some_and(|told| told > LONGEST_WAIT) {
                        return Err(error);
                    }
                    left -= 1;
                    tokio::time::sleep(told.unwrap_or(wait)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>, token: Option<&SecretText>) -> Try {
        let mut url = format!("{}/v1/{}", self.settings.address, path::encode(call.path));
        if let Some(query) = &call.query {
            url = format!("{url}?{query}");
        }
        let mut sent = self.send(call, token, &url).await;
        if let Ok(response) = &sent
            && matches!(response.status().as_u16(), 307 | 308)
        {
            let Some(url) = self.elsewhere(response) else {
                let what = "it sends elsewhere without saying where, or to an address without TLS";
                return Try::Over(VaultError::Standby { address: self.settings.address.clone(), what });
            };
            sent = self.send(call, token, &url).await;
        }
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                // Who did not answer within the timeout has had its time.
                let again = !error.is_timeout() && (error.is_connect() || call.again);
                let error = self.unreachable(error);
                return if again { Try::Later(error, None) } else { Try::Over(error) };
            }
        };
        let (status, told) = (response.status(), retry_after(&response));
        match self.read(response, call.path).await {
            Ok(body) => self.judge(call, token, Answered { status, body }, told),
            Err(error) if error.is_away() && call.again => Try::Later(error, None),
            Err(error) => Try::Over(error),
        }
    }

    async fn send(
        &self,
        call: &Call<'_>,
        token: Option<&SecretText>,
        url: &str,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self.http.request(call.method.clone(), url).header("X-Vault-Request", "true");
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            let mut value =
                header::HeaderValue::from_str(token.expose()).unwrap_or(header::HeaderValue::from_static(""));
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(body) = &call.body {
            let merge = call.method == Method::PATCH;
            let kind = if merge { "application/merge-patch+json" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, kind).body(Bytes::from_owner(body.clone()));
        }
        request.send().await
    }

    /// Returns where a standby sends to, unless that would be less safe than here.
    fn elsewhere(&self, response: &reqwest::Response) -> Option<String> {
        let told = response.headers().get(header::LOCATION)?.to_str().ok()?;
        let url = Url::parse(&self.settings.address).ok()?.join(told).ok()?;
        let safe = url.scheme() == "https" || self.settings.is_plain() && told.starts_with('/');
        safe.then(|| url.to_string())
    }

    fn judge(
        &self,
        call: &Call<'_>,
        token: Option<&SecretText>,
        answered: Answered,
        told: Option<std::time::Duration>,
    ) -> Try {
        let mut hidden = call.hidden.clone();
        hidden.extend(token.map(SecretText::expose));
        let reason = || said(&answered.body, &hidden);
        // Judged before anything is hidden in it: a value may be a word of Vault's own.
        let says = |text: &str| said(&answered.body, &[]).contains(text);
        let address = || self.settings.address.clone();
        let status = answered.status.as_u16();
        let standby = |what| Try::Over(VaultError::Standby { address: address(), what });
        let rejected = || Try::Over(VaultError::Rejected { path: call.path.to_owned(), status, reason: reason() });
        match status {
            200..=299 => Try::Done(answered),
            404 if !says("no handler for route") => Try::Done(answered),
            400 if says("did not match the current version") => {
                Try::Over(VaultError::Raced { path: call.path.to_owned() })
            }
            403 => Try::Forbidden { dead: token_is_dead(&answered.body) },
            472 => standby("it is a disaster-recovery secondary"),
            473 => standby("it is a performance standby"),
            501 => Try::Over(VaultError::Standby { address: address(), what: "it has not been initialised" }),
            503 if says("sealed") => Try::Over(VaultError::Sealed { address: address() }),
            412 | 429 | 500 | 502..=599 => {
                let mut reason = reason();
                if let Some(told) = told {
                    reason = format!("{reason}; it says to come again in {} s", told.as_secs());
                }
                let error = VaultError::Busy { address: address(), status, reason };
                // A server that failed in the middle may have done it.
                if call.again || matches!(status, 412 | 429 | 503) { Try::Later(error, told) } else { Try::Over(error) }
            }
            _ => rejected(),
        }
    }

    fn denied(&self, call: &Call<'_>) -> VaultError {
        let namespace = self.settings.namespace.as_ref().map(|it| format!(" in namespace `{it}`"));
        let (capability, listed) = call.needs;
        VaultError::Denied { capability, listed, path: call.path.to_owned(), namespace: namespace.unwrap_or_default() }
    }

    fn unreachable(&self, error: reqwest::Error) -> VaultError {
        VaultError::Unreachable { address: self.settings.address.clone(), source: error.without_url() }
    }

    async fn read(&self, mut response: reqwest::Response, path: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let too_large =
            || VaultError::Malformed { path: path.to_owned(), reason: "it is larger than any answer should be" };
        let told = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
        if told > MOST_ANSWER_BYTES {
            return Err(too_large());
        }
        let mut body = Zeroizing::new(Vec::with_capacity(told));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > MOST_ANSWER_BYTES {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Returns the token to use, after whatever is due to it.
    async fn session(&self) -> Result<Session, VaultError> {
        // Held while signing in or renewing: whoever comes meanwhile wants the same token.
        let mut held = self.session.lock().await;
        let now = self.now();
        if let Some(session) = held.as_mut() {
            let role = matches!(self.settings.login, VaultLogin::AppRole { .. });
            if session.is_due(now) {
                match self.renew(session).await {
                    Ok(renewed) => *session = renewed,
                    // It may still be good until its end; a role signs in again below.
                    Err(error) if !error.is_away() => session.stop_renewing(),
                    // Not at every request: each would wait for a Vault that does not answer.
                    Err(_) => session.postpone(now),
                }
            }
            if !(role && session.is_over(now)) {
                return Ok(session.clone());
            }
        }
        let session = self.sign_in(held.as_ref().map_or(0, |session| session.number)).await?;
        *held = Some(session.clone());
        Ok(session)
    }

    /// Signs in again, unless another request has done so since.
    async fn sign_in_after(&self, number: u64) -> Result<Session, VaultError> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref().filter(|session| session.number != number) {
            return Ok(session.clone());
        }
        let session = self.sign_in(number).await?;
        *held = Some(session.clone());
        Ok(session)
    }

    async fn sign_in(&self, number: u64) -> Result<Session, VaultError> {
        let (mount, role_id, secret_id) = match &self.settings.login {
            VaultLogin::Token(token) => return Ok(Session::given(token.clone(), self.now())),
            VaultLogin::AppRole { mount, role_id, secret_id } => (mount, role_id, secret_id),
        };
        let path = path::join(&["auth", mount, "login"])?;
        let body = serde_json::json!({ "role_id": role_id, "secret_id": secret_id.expose() });
        let mut call = Call::new(Method::POST, &path, UPDATE);
        call.body = Some(Zeroizing::new(body.to_string().into_bytes()));
        call.hidden = vec![secret_id.expose(), role_id];
        // A secret id may have a number of uses.
        call.again = false;
        let refused = |reason: String| VaultError::Login { mount: mount.clone(), reason };
        let auth = match self.tries(&call, None).await {
            Err(VaultError::Rejected { status: 400, reason, .. }) => return Err(refused(reason)),
            Ok(Tried::Forbidden { .. }) => return Err(refused("permission denied".to_owned())),
            Ok(Tried::Done(answered)) if answered.status.is_success() => answered.parse::<Signed>(&path)?.auth,
            Ok(Tried::Done(_)) => None,
            Err(error) => return Err(error),
        };
        let auth = auth.ok_or_else(|| refused("nothing that signs roles in is mounted there".to_owned()))?;
        Ok(Session::signed(auth, number + 1, self.now()))
    }

    async fn renew(&self, session: &Session) -> Result<Session, VaultError> {
        const PATH: &str = "auth/token/renew-self";
        let mut call = Call::new(Method::POST, PATH, UPDATE);
        call.body = Some(Zeroizing::new(b"{}".to_vec()));
        let Tried::Done(answered) = self.tries(&call, Some(&session.token)).await? else {
            return Err(VaultError::Expired);
        };
        let auth = answered.parse::<Signed>(PATH)?.auth;
        let auth = auth.ok_or(VaultError::Malformed { path: PATH.to_owned(), reason: "it holds no token" })?;
        Ok(Session::signed(auth, session.number, self.now()))
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests have a clock of their own")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[cfg(test)]
    fn now(&self) -> Instant {
        Instant::now() + *self.ahead.lock().unwrap()
    }
}

fn retry_after(response: &reqwest::Response) -> Option<std::time::Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(std::time::Duration::from_secs)
}

impl fmt::Debug for VaultClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultClient")
            .field("address", &self.settings.address)
            .field("namespace", &self.settings.namespace)
            .finish_non_exhaustive()
    }
}
