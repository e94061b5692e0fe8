//! What may be laid over the files: keys as they are kept, and no secrets.
//!
//! The ledger is never erased, so the value of a secret must not get there, by whatever key. Whether a value fits its key is
//! found by resolving.

use crate::config::{
    Diagnostic, Live, Loaded, Path,
    value::{Data, Nulls, Value},
    yaml,
};

/// Words in names that secrets usually have.
const SOUNDS_SECRET: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];

impl Loaded {
    /// Returns the key that is meant: a declared variable may be named without `variables.`.
    pub fn overlay_key(&self, key: &str) -> String {
        if self.declared.variables.contains_key(key) {
            return Path::of_keys(["variables", key]).to_string();
        }
        key.to_owned()
    }

    /// Finds values of secrets among these keys of a live overlay: what is declared secret, what would be read under the name
    /// of a secret, and addresses with a password in them. No value is repeated.
    pub fn secrets_laid(&self, live: &Live, keys: &[String]) -> Vec<Diagnostic> {
        let entries = live.overlay.iter().filter(|entry| keys.contains(&entry.key));
        let found = entries.filter_map(|entry| {
            let why = self.why_secret(&entry.key, entry.value.as_deref()?)?;
            Some(Diagnostic::error("config::secret", None, format!("`{}` {why}", entry.key)).help(
                "values of secrets never enter the ledger, which is never erased; declare the variable `secret: true` and set \
                 the secret where secrets are kept",
            ))
        });
        found.collect()
    }

    fn why_secret(&self, key: &str, value: &str) -> Option<String> {
        let path: Path = key.parse().ok()?;
        let keys = path.keys().unwrap_or_default();
        if let Some(name) = keys.iter().find(|name| self.declared.is_secret(name)) {
            return Some(format!("would hold the value of `{name}`, which is declared secret"));
        }
        let variable = keys.first().is_some_and(|first| first == "variables");
        // The value of a variable is text and nothing is below it.
        let parsed = if variable { None } else { yaml::parse(crate::config::SourceId(0), value, 0).0 };
        let tree = parsed.map(|document| Value::of(&document, document.root(), Nulls::Keep));
        let mut names = Vec::new();
        tree.iter().for_each(|tree| names_in(tree, &mut names));
        if let Some(name) = names.iter().find(|name| self.declared.is_secret(name)) {
            return Some(format!("would hold the value of `{name}`, which is declared secret"));
        }
        let in_env = keys.iter().any(|key| key == "env") || names.iter().any(|name| name == "env");
        let env = keys.iter().chain(&names).filter(|_| in_env);
        if let Some(name) = env.into_iter().find(|name| !self.declares(name) && sounds_secret(name)) {
            return Some(format!("would set `{name}`, which sounds like a secret and is not declared"));
        }
        has_credentials(value).then(|| "has an address with a password in it".to_owned())
    }

    fn declares(&self, name: &str) -> bool {
        self.declared.variables.contains_key(name)
    }
}

fn names_in(value: &Value, names: &mut Vec<String>) {
    match &value.data {
        Data::Map(map) => map.iter().for_each(|(name, member)| {
            names.push(name.to_string());
            names_in(&member.value, names);
        }),
        Data::List(items) => items.iter().for_each(|item| names_in(item, names)),
        Data::Removed | Data::Scalar(_) => {}
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SOUNDS_SECRET.iter().any(|word| name.contains(word))
}

/// Says whether a text has an address with a password in it (RFC 3986 section 3.2.1): `scheme://user:password@host`.
fn has_credentials(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(|c: char| "/?#\"'<> ".contains(c) || c.is_whitespace()).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
        // A reference is no password: it is replaced when the environment is resolved.
        password.is_some_and(|password| !password.is_empty() && !password.starts_with("${"))
    })
}
