//! Which Vault, and how to sign in: what a file says, and what the variables of the process say where it says nothing.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::Url;
use towpath_core::secrets::{SecretText, VaultAuth, VaultServer};
use zeroize::Zeroizing;

use super::VaultError;

/// How to sign in.
#[derive(Clone)]
pub enum VaultLogin {
    /// With a token.
    Token(SecretText),
    /// With a role.
    AppRole {
        /// Where it is mounted.
        mount: String,
        /// The role.
        role_id: String,
        /// Its secret.
        secret_id: SecretText,
    },
}

impl fmt::Debug for VaultLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::AppRole { mount, .. } => write!(f, "AppRole({mount}, …)"),
        }
    }
}

/// Which Vault, and how it is spoken with.
#[derive(Debug, Clone)]
pub struct VaultSettings {
    /// Such as `https://vault.example.com:8200`, without a slash at its end.
    pub address: String,
    /// The namespace, without slashes at its ends.
    pub namespace: Option<String>,
    /// A file with the certificates that sign the server's, in PEM; those of the system if absent.
    pub ca: Option<PathBuf>,
    /// How to sign in.
    pub login: VaultLogin,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often a request is sent again after an answer that says to come later.
    pub retries: u32,
    /// How long is waited before the first retry; twice as long before each further one.
    pub backoff: Duration,
}

impl VaultSettings {
    /// Puts together what a file says and what variables of the process say: `VAULT_ADDR`, `VAULT_NAMESPACE`,
    /// `VAULT_CACERT`, and the variable of the credential. Where `VAULT_TOKEN` is not set, `~/.vault-token` is read, which
    /// `vault login` writes.
    pub fn resolve(server: &VaultServer, variables: &dyn Fn(&str) -> Option<String>) -> Result<Self, VaultError> {
        let set = |name: &str| variables(name).filter(|value| !value.is_empty());
        if set("VAULT_SKIP_VERIFY")
            .is_some_and(|told| !matches!(told.as_str(), "0" | "f" | "false" | "F" | "False" | "FALSE"))
        {
            return Err(VaultError::SkipVerify);
        }
        let address = server.address.clone().or_else(|| set("VAULT_ADDR")).ok_or(VaultError::NoAddress)?;
        let namespace = server.namespace.clone().or_else(|| set("VAULT_NAMESPACE"));
        Ok(Self {
            address: checked(&address)?,
            namespace: namespace.map(|it| it.trim_matches('/').to_owned()).filter(|it| !it.is_empty()),
            ca: server.ca.clone().or_else(|| set("VAULT_CACERT").map(PathBuf::from)),
            login: login(&server.auth, &set)?,
            timeout: Duration::from_secs(10),
            retries: 3,
            backoff: Duration::from_millis(250),
        })
    }

    /// Says whether it is spoken with in the clear, which is allowed on this machine only.
    pub(super) fn is_plain(&self) -> bool {
        self.address.starts_with("http://")
    }
}

fn login(auth: &VaultAuth, set: &dyn Fn(&str) -> Option<String>) -> Result<VaultLogin, VaultError> {
    let credential = |variable: &str, found: Option<String>| {
        let found = found.ok_or_else(|| VaultError::NoCredential { variable: variable.to_owned() })?;
        let text = SecretText::new(found);
        if text.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(text)
        } else {
            Err(VaultError::BadCredential { variable: variable.to_owned() })
        }
    };
    match auth {
        VaultAuth::Token { variable } => {
            let written = || {
                let file = PathBuf::from(set("HOME")?).join(".vault-token");
                let text = Zeroizing::new(std::fs::read_to_string(file).ok()?);
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            };
            let found = set(variable).or_else(|| if variable == "VAULT_TOKEN" { written() } else { None });
            Ok(VaultLogin::Token(credential(variable, found)?))
        }
        VaultAuth::AppRole { mount, role_id, secret_id_variable } => Ok(VaultLogin::AppRole {
            mount: super::path::join(&[mount])?,
            role_id: role_id.clone(),
            secret_id: credential(secret_id_variable, set(secret_id_variable))?,
        }),
    }
}

fn checked(address: &str) -> Result<String, VaultError> {
    let wrong = |reason: &'static str| {
        // Whoever writes a credential into an address must not find it in a log.
        let shown = address.rsplit_once('@').map_or(address, |(_, host)| host);
        VaultError::Address { address: shown.to_owned(), reason }
    };
    let url = Url::parse(address).map_err(|_| wrong("it is to be like `https://vault.example.com:8200`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user or password; Vault takes a token or a role"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it holds `?` or `#`"));
    }
    let here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => return Err(wrong("it names no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => {
            return Err(wrong(
                "without TLS anybody on the way reads the token and every value; `http` is for an agent on this machine only",
            ));
        }
        _ => return Err(wrong("it is to begin with `https://`")),
    }
    Ok(address.trim_end_matches('/').trim_end_matches("/v1").to_owned())
}
