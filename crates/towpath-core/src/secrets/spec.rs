//! What an environment's `secrets:` section comes to: plain data, read by the schema, acted on by adapters.
//!
//! Credentials are never here: only the names of the variables or files they are found in.

use std::path::PathBuf;

use crate::units::Millis;

/// What an environment says of its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsSpec {
    /// Where values come from; the first that has a secret gives it.
    pub from: Vec<SourceSpec>,
    /// What the data keys of the store are encrypted with.
    pub key: KeySpec,
    /// How long a data key is used for new values.
    pub data_key_every: Millis,
    /// Where values are copied to.
    pub sync: Vec<SyncSpec>,
}

/// Where values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// `secrets/ENVIRONMENT.yaml` of the project and of the environments it extends, encrypted as `sops` does.
    Files,
    /// The server's own store.
    Store,
    /// Vault's key-value engine, version 2.
    Vault {
        /// Which server.
        server: VaultServer,
        /// Where the engine is mounted, `secret` if nothing else is said.
        mount: String,
        /// The path of the one Vault secret whose keys are our names.
        path: String,
    },
    /// The process environment: of the server for deployments, of the command line for `towpath run`.
    Environment {
        /// What stands before the names, often nothing.
        prefix: String,
    },
    /// A program that prints the value of the secret its environment names (`TOWPATH_SECRET`, `TOWPATH_ENVIRONMENT`).
    Command {
        /// Program and arguments; `${NAME}` in an argument is the name of the secret.
        command: Vec<String>,
        /// How long it may take.
        timeout: Millis,
    },
}

/// A Vault server and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultServer {
    /// Such as `https://vault.example.com:8200`; `VAULT_ADDR` of the process if absent.
    pub address: Option<String>,
    /// The namespace, where there are any.
    pub namespace: Option<String>,
    /// A file with the certificates that sign the server's, in PEM; `VAULT_CACERT` of the process if absent.
    pub ca: Option<PathBuf>,
    /// How to sign in.
    pub auth: VaultAuth,
}

/// How to sign in to Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultAuth {
    /// With a token in this variable of the process, `VAULT_TOKEN` if nothing else is said.
    Token {
        /// The variable.
        variable: String,
    },
    /// With a role and its secret.
    AppRole {
        /// Where it is mounted, `approle` if nothing else is said.
        mount: String,
        /// The role.
        role_id: String,
        /// The variable of the process that holds its secret.
        secret_id_variable: String,
    },
}

/// What encrypts data keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySpec {
    /// An age identity in a file; without a file one of the environment's own in the server's data folder, made when it is
    /// first needed.
    Age {
        /// The file.
        identity: Option<PathBuf>,
    },
    /// A passphrase in a variable of the server's process, stretched by argon2id.
    Passphrase {
        /// The variable.
        variable: String,
    },
    /// A key of Vault's transit engine, which never leaves Vault.
    VaultTransit {
        /// Which server.
        server: VaultServer,
        /// Where the engine is mounted, `transit` if nothing else is said.
        mount: String,
        /// The key's name.
        key: String,
    },
}

/// Where values are copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncSpec {
    /// GitHub Actions secrets.
    GitHub {
        /// What people call this target.
        name: String,
        /// `OWNER/REPOSITORY`, for secrets of a repository or of one of its environments.
        repository: Option<String>,
        /// The environment of the repository.
        environment: Option<String>,
        /// The organisation, for its secrets.
        organization: Option<String>,
        /// The API, `https://api.github.com` if nothing else is said.
        api: String,
        /// The variable of the process with the token.
        token_variable: String,
        /// Which secrets; all of the environment if empty.
        only: Vec<String>,
    },
    /// Vercel environment variables.
    Vercel {
        /// What people call this target.
        name: String,
        /// The project, by name or id.
        project: String,
        /// The team, by id.
        team: Option<String>,
        /// Vercel's environments: production, preview, development.
        targets: Vec<String>,
        /// The API, `https://api.vercel.com` if nothing else is said.
        api: String,
        /// The variable of the process with the token.
        token_variable: String,
        /// Which secrets; all of the environment if empty.
        only: Vec<String>,
    },
    /// A Kubernetes Secret manifest.
    Kubernetes {
        /// What people call this target.
        name: String,
        /// The file that is written, relative to the project; `kubectl apply` through standard input if absent.
        file: Option<PathBuf>,
        /// The name of the Secret.
        secret: String,
        /// Its namespace.
        namespace: Option<String>,
        /// Which secrets; all of the environment if empty.
        only: Vec<String>,
    },
}
