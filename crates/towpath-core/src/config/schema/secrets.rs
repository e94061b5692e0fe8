//! The `secrets` section of an environment: where values come from, what encrypts them, where they are copied to.
//!
//! No value and no credential stands here: only the names of variables and files they are found in.

use std::path::PathBuf;

use super::{
    access::positive,
    values::{UrlText, VariableName},
};
use crate::{
    config::{
        describe::{Book, Shape},
        read::{Read, Reader, section},
        value::{Data, Value},
    },
    secrets::{KeySpec, SecretsSpec, SourceSpec, VaultAuth, VaultServer, rotation::DATA_KEY_EVERY},
    units::Millis,
};

pub mod sync;

use sync::SyncFile;

/// Sources that are named by a word alone.
const ALONE: &[&str] = &["files", "store", "environment"];

section! {
    /// Where the values of secrets come from. Values themselves never stand here.
    #[derive(Default)]
    pub struct SecretsFile {
        /// The sources; the first that has a secret gives it. `[files, store]` if absent: the encrypted files in `secrets/`,
        /// then the server's own store. Nothing at all with `[]`.
        from: Option<Vec<SourceFile>>,
        /// What the data keys of the store are encrypted with. If absent, an age identity of the environment's own, which the
        /// server makes when it is first needed.
        key: KeyFile = KeyFile::default(),
        /// The keys that values in the store are encrypted with.
        data_key: DataKeyFile = DataKeyFile::default(),
        /// Where values are copied to.
        sync: Vec<SyncFile>,
    }
}

/// One source: its name, or a map with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile(pub SourceSpec);

section! {
    /// A source of secrets: `files`, `store` or `environment` alone, or one of these with settings.
    pub struct SourceMap {
        /// The key-value engine of Vault, version 2.
        vault: Option<VaultFile>,
        /// The process environment: of the server for deployments, of the command line for `towpath run`.
        environment: Option<ProcessFile>,
        /// A program that prints the value.
        command: Option<CommandFile>,
    }
    choice("vault", "environment", "command"; one)
        "a source is `files`, `store`, `environment`, or a map with exactly one of `vault`, `environment` and `command`"
}

section! {
    /// The key-value engine of Vault, version 2: one Vault secret whose keys are the names of the variables.
    pub struct VaultFile {
        /// The server, such as `https://vault.example.com:8200`; the variable `VAULT_ADDR` of the process if absent.
        address: Option<UrlText>,
        /// The namespace, where there are any.
        namespace: Option<String>,
        /// A file with the certificates that sign the server's, in PEM; the variable `VAULT_CACERT` if absent.
        ca: Option<String>,
        /// Where the engine is mounted.
        mount: String = "secret".to_owned(),
        /// The path of the Vault secret, such as `shop/production`.
        path: String,
        /// How to sign in; with the token in `VAULT_TOKEN` if absent.
        auth: VaultAuthFile = VaultAuthFile::default(),
    }
    check(value, reader; mount, path) {
        spot(value, "mount", mount, reader) & spot(value, "path", path, reader)
    }
}

section! {
    /// How to sign in to Vault.
    #[derive(Default)]
    pub struct VaultAuthFile {
        /// With a token.
        token: Option<TokenFile>,
        /// With a role and its secret.
        approle: Option<AppRoleFile>,
    }
    choice("token", "approle"; most_one) "signing in to Vault is `token` or `approle`, not both"
}

section! {
    /// A token of Vault.
    pub struct TokenFile {
        /// The variable of the process that holds it.
        variable: VariableName = VariableName("VAULT_TOKEN".to_owned()),
    }
}

section! {
    /// A role of Vault for programs.
    pub struct AppRoleFile {
        /// Where it is mounted.
        mount: String = "approle".to_owned(),
        /// The role's id.
        role_id: String,
        /// The variable of the process that holds the role's secret id.
        secret_id: VariableName = VariableName("VAULT_SECRET_ID".to_owned()),
    }
    check(value, reader; mount) {
        spot(value, "mount", mount, reader)
    }
}

section! {
    /// The process environment as a source.
    pub struct ProcessFile {
        /// What stands before the names, such as `SHOP_`.
        prefix: String,
    }
    check(value, reader; prefix) {
        let sound = prefix.is_empty() || super::variable::is_variable_name(prefix);
        if !sound {
            reader.wrong(value.get("prefix").unwrap_or(value), "no variable can begin with this prefix",
                "use letters, digits and `_`, beginning with no digit");
        }
        sound
    }
}

section! {
    /// A program that prints the value of one secret. It gets the name in `TOWPATH_SECRET` and the environment in
    /// `TOWPATH_ENVIRONMENT`, and ends with status 3 where it has no such secret.
    pub struct CommandFile {
        /// Program and arguments; `${NAME}` in an argument is the name of the secret.
        run: Vec<String>,
        /// How long it may take.
        timeout: Millis = Millis::from_secs(10),
    }
    check(value, reader; run) {
        let sound = run.first().is_some_and(|program| !program.is_empty());
        if !sound {
            reader.wrong(value.get("run").unwrap_or(value), "there is no program to run", "write `run: [PROGRAM, ARGUMENT]`");
        }
        sound
    }
    check(value, reader; timeout) {
        let sound = timeout.0 > 0;
        if !sound {
            positive(value, "timeout", reader);
        }
        sound
    }
}

section! {
    /// What data keys are encrypted with.
    #[derive(Default)]
    pub struct KeyFile {
        /// An age identity.
        age: Option<AgeFile>,
        /// A passphrase, stretched by argon2id.
        passphrase: Option<PassphraseFile>,
        /// A key of Vault's transit engine, which never leaves Vault.
        vault_transit as "vault-transit": Option<TransitFile>,
    }
    choice("age", "passphrase", "vault-transit"; most_one) "a key is one of `age`, `passphrase` and `vault-transit`"
}

section! {
    /// An age identity in a file of the server's machine.
    pub struct AgeFile {
        /// The file; one that the server makes for this environment if absent.
        identity: Option<String>,
    }
}

section! {
    /// A passphrase.
    pub struct PassphraseFile {
        /// The variable of the server's process that holds it.
        variable: VariableName,
    }
}

section! {
    /// A key of Vault's transit engine.
    pub struct TransitFile {
        /// The server, such as `https://vault.example.com:8200`; the variable `VAULT_ADDR` of the process if absent.
        address: Option<UrlText>,
        /// The namespace, where there are any.
        namespace: Option<String>,
        /// A file with the certificates that sign the server's, in PEM; the variable `VAULT_CACERT` if absent.
        ca: Option<String>,
        /// Where the engine is mounted.
        mount: String = "transit".to_owned(),
        /// The key's name.
        key: String,
        /// How to sign in; with the token in `VAULT_TOKEN` if absent.
        auth: VaultAuthFile = VaultAuthFile::default(),
    }
    check(value, reader; mount, key) {
        spot(value, "mount", mount, reader) & spot(value, "key", key, reader)
    }
}

section! {
    /// The keys that values in the store are encrypted with.
    pub struct DataKeyFile {
        /// How long one is used for new values; then another one is made.
        rotate_every: Millis = DATA_KEY_EVERY,
    }
    check(value, reader; rotate_every) {
        let sound = rotate_every.0 > 0;
        if !sound {
            positive(value, "rotate_every", reader);
        }
        sound
    }
}

/// Says whether a text can be a place in Vault's paths, and complains if not.
fn spot(value: &Value, field: &str, text: &str, reader: &mut Reader) -> bool {
    let step = |step: &str| !step.is_empty() && step != "." && step != ".." && !step.contains(['?', '#', '%', '\\']);
    let sound = text.trim_matches('/').split('/').all(step) && !text.contains(|c: char| c.is_control());
    if !sound {
        let why = format!("`{field}` is no path of Vault: `{}`", crate::config::yaml::shorten(text));
        reader.wrong(
            value.get(field).unwrap_or(value),
            &why,
            "write names with `/` between, such as `shop/production`",
        );
    }
    sound
}

impl Default for DataKeyFile {
    fn default() -> Self {
        Self { rotate_every: DATA_KEY_EVERY }
    }
}

impl Read for SourceFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(_) = &value.data {
            let word = crate::config::read::word_of(value, ALONE, reader)?;
            return match word {
                "files" => Some(Self(SourceSpec::Files)),
                "store" => Some(Self(SourceSpec::Store)),
                "environment" => Some(Self(SourceSpec::Environment { prefix: String::new() })),
                other => {
                    crate::config::read::unknown_word(value, other, ALONE, reader);
                    None
                }
            };
        }
        SourceMap::read(value, reader)?.spec().map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(ALONE, SourceMap::shape)
    }
}

impl SourceMap {
    fn spec(self) -> Option<SourceSpec> {
        let Self { vault, environment, command } = self;
        let vault = vault.map(|vault| SourceSpec::Vault {
            server: server(vault.address, vault.namespace, vault.ca, vault.auth),
            mount: vault.mount.trim_matches('/').to_owned(),
            path: vault.path.trim_matches('/').to_owned(),
        });
        let environment = environment.map(|process| SourceSpec::Environment { prefix: process.prefix });
        let command = command.map(|command| SourceSpec::Command { command: command.run, timeout: command.timeout });
        vault.or(environment).or(command)
    }
}

fn server(address: Option<UrlText>, namespace: Option<String>, ca: Option<String>, auth: VaultAuthFile) -> VaultServer {
    let auth = match (auth.approle, auth.token) {
        (Some(role), _) => VaultAuth::AppRole {
            mount: role.mount.trim_matches('/').to_owned(),
            role_id: role.role_id,
            secret_id_variable: role.secret_id.0,
        },
        (None, Some(token)) => VaultAuth::Token { variable: token.variable.0 },
        (None, None) => VaultAuth::Token { variable: "VAULT_TOKEN".to_owned() },
    };
    VaultServer { address: address.map(|address| address.0), namespace, ca: ca.map(PathBuf::from), auth }
}

impl SecretsFile {
    /// Returns what it comes to.
    pub(crate) fn spec(self) -> SecretsSpec {
        let from = self.from.map(|from| from.into_iter().map(|source| source.0).collect());
        let KeyFile { age, passphrase, vault_transit } = self.key;
        let key = match (passphrase, vault_transit) {
            (Some(passphrase), _) => KeySpec::Passphrase { variable: passphrase.variable.0 },
            (None, Some(transit)) => KeySpec::VaultTransit {
                server: server(transit.address, transit.namespace, transit.ca, transit.auth),
                mount: transit.mount.trim_matches('/').to_owned(),
                key: transit.key,
            },
            (None, None) => KeySpec::Age { identity: age.and_then(|age| age.identity).map(PathBuf::from) },
        };
        SecretsSpec {
            from: from.unwrap_or_else(|| vec![SourceSpec::Files, SourceSpec::Store]),
            key,
            data_key_every: self.data_key.rotate_every,
            sync: self.sync.into_iter().map(|sync| sync.0).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
