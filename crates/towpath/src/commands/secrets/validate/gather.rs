//! The facts about the secrets of a project: what its files say, and the values that can be known here.

use std::collections::{BTreeMap, BTreeSet};

use towpath_core::{
    config::{
        Data, Diagnostic, Inputs, Loaded, Position, ResolvedEnvironment, SourceSet, Value, read_foreign,
        secret_file_path,
    },
    ids::EnvironmentName,
    secrets::{
        KeySpec, SecretText,
        findings::{EnvironmentFacts, FileFacts, Finding, FindingPlace, FindingSeverity, OneSecret, SecretFacts},
        template,
    },
};
use towpath_secrets::{
    keyed::DigestKey,
    leaks::{OwnValue, is_searched},
    sops::rules::{Key, RULES_FILE, Rules},
    strength::assess,
};

use crate::folder::ProjectFolder;

/// Everything that was gathered.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) facts: SecretFacts,
    /// What the files say is wrong by themselves.
    pub(super) findings: Vec<Finding>,
    /// The values that are known here, to be looked for elsewhere.
    pub(super) own: Vec<OwnValue>,
    /// What could not be looked at, and why: said, not a finding.
    pub(super) notes: Vec<String>,
    /// Where values of secrets stand in plain text, so that the scan does not tell it again.
    pub(super) plain: BTreeSet<(String, u32)>,
}

/// Gathers what is known of these environments. `key` is for this run only: digests are compared, never kept.
pub(super) fn gather(folder: &ProjectFolder, loaded: &Loaded, names: &[EnvironmentName], key: &DigestKey) -> Gathered {
    let mut gathered = Gathered::default();
    for name in names {
        let resolution = loaded.resolve(name.as_str(), &Inputs::default());
        let diagnostics = loaded.diagnostics().iter().chain(&resolution.diagnostics);
        for one in diagnostics {
            gathered.told(one, &resolution.sources, name);
        }
        match resolution.environment {
            Some(environment) => gathered.environment(&environment, key),
            None => gathered
                .notes
                .push(format!("{name} has other mistakes, so its secrets are not all known: towpath env validate")),
        }
    }
    let rules = rules(folder, &mut gathered);
    for (path, text) in loaded.sources().files().filter(|(path, _)| path.starts_with("secrets/")) {
        gathered.facts.files.insert(path.to_owned(), file(path, text, rules.as_ref()));
    }
    gathered
}

impl Gathered {
    /// Takes over what the configuration says of secrets.
    fn told(&mut self, one: &Diagnostic, sources: &SourceSet, environment: &EnvironmentName) {
        let (code, severity) = match one.code {
            _ if one.is_plain_secret() => ("secret::plain", FindingSeverity::High),
            "config::secret-file" if one.is_error() => ("secret::unencrypted", FindingSeverity::High),
            "config::secret-file" => ("secret::of-nobody", FindingSeverity::Low),
            "config::required" if one.message.contains("secret") => ("secret::missing", FindingSeverity::High),
            _ => return,
        };
        let place = one.primary.and_then(|label| sources.position(label)).map(placed);
        if let Some(place) = place.as_ref().filter(|_| code == "secret::plain" || code == "secret::unencrypted") {
            self.plain.insert((place.path.clone(), place.line));
        }
        let path = place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
        let help = one.help.clone().unwrap_or_else(|| {
            "towpath secrets set, then take it out of the file; change the value where it is used if the file was in git".to_owned()
        });
        let finding = Finding::new(code, severity, &[&path, &one.message], one.message.clone(), help);
        // A shared file is told once for all.
        if let Some(known) = self.findings.iter_mut().find(|known| known.fingerprint == finding.fingerprint) {
            if !known.environments.contains(environment) {
                known.environments.push(environment.clone());
            }
            return;
        }
        self.findings.push(finding.of(&[environment], &[]).at(place));
    }

    fn environment(&mut self, environment: &ResolvedEnvironment, key: &DigestKey) {
        let mut secrets = BTreeMap::new();
        let mut files = BTreeSet::new();
        let mut unread: BTreeSet<String> = BTreeSet::new();
        for name in &environment.secrets {
            let pin = environment.secret_pins.get(name);
            let from = pin.map(|pin| pin.from.to_string());
            if let Some(path) = pin.and_then(|pin| secret_file_path(&pin.from)) {
                files.insert(path.to_owned());
            }
            let known = environment.variables.get(name).filter(|variable| !template::is_template(&variable.value));
            let value = known.map(|variable| SecretText::new(variable.value.clone())).filter(|value| !value.is_empty());
            if value.is_none()
                && let Some(from) = &from
            {
                unread.insert(from.clone());
            }
            let mut one = OneSecret { from, ..OneSecret::default() };
            if let Some(value) = value {
                judge_value(&mut one, name, environment, &value, key);
                self.own.push(OwnValue { name: format!("{name} of {}", environment.name), value });
            }
            secrets.insert(name.clone(), one);
        }
        for source in unread {
            self.notes.push(format!(
                "values of {} in {source} were not read: strength, reuse and leaks of them are not known",
                environment.name
            ));
        }
        let key = match &environment.secret_spec.key {
            KeySpec::Age { identity: Some(path) } => Some(format!("age {}", path.display())),
            KeySpec::Age { identity: None } => None,
            KeySpec::Passphrase { variable } => Some(format!("the passphrase in {variable}")),
            KeySpec::VaultTransit { server, mount, key } => {
                Some(format!("vault-transit {} {mount}/{key}", server.address.as_deref().unwrap_or("VAULT_ADDR")))
            }
        };
        let (name, tier) = (environment.name.clone(), environment.tier);
        self.facts.environments.push(EnvironmentFacts { name, tier, secrets, key, files });
    }
}

fn judge_value(
    one: &mut OneSecret,
    name: &str,
    environment: &ResolvedEnvironment,
    value: &SecretText,
    key: &DigestKey,
) {
    let strength = assess(value.expose(), &[name, environment.name.as_str()]);
    if strength.is_weak() {
        let why: Vec<String> = strength.weaknesses.iter().map(ToString::to_string).collect();
        one.weak = Some(if why.is_empty() { "it has too few possibilities".to_owned() } else { why.join(", ") });
    }
    // That two values are `admin` says more of the word than of the secrets.
    if is_searched(value.expose()) {
        one.digest = Some(key.digest(&["reuse"], value).as_str().to_owned());
    }
}

pub(super) fn placed(position: Position) -> FindingPlace {
    FindingPlace { path: position.path, line: position.line, column: position.column, commit: None }
}

fn rules(folder: &ProjectFolder, gathered: &mut Gathered) -> Option<Rules> {
    let text = std::fs::read_to_string(folder.root().join(RULES_FILE)).ok()?;
    let (rules, mistakes) = Rules::read(&text);
    if rules.is_none() {
        let first = mistakes.first().map(|one| one.message.clone()).unwrap_or_default();
        gathered.notes.push(format!("`{RULES_FILE}` has mistakes, so nothing is compared with it: {first}"));
    }
    rules
}

/// Returns what a file of secrets says of itself, without any key.
fn file(path: &str, text: &str, rules: Option<&Rules>) -> FileFacts {
    let expected = rules.and_then(|rules| rules.rule_for(path)).map(|rule| rule.keys().map(shown).collect());
    let mut facts = FileFacts { expected, ..FileFacts::default() };
    if path.ends_with(".env") {
        flat(text, &mut facts);
        return facts;
    }
    let (Some(tree), _) = read_foreign(text, 0) else { return facts };
    let Some(metadata) = tree.get("sops") else { return facts };
    facts.encrypted = true;
    facts.has_mac = text_of(metadata.get("mac")).is_some_and(|mac| mac.starts_with("ENC["));
    recipients(metadata, &mut facts.recipients);
    for group in metadata.get("key_groups").map(items).unwrap_or_default() {
        recipients(group, &mut facts.recipients);
    }
    facts
}

/// Adds the recipients of one group of keys.
fn recipients(group: &Value, found: &mut BTreeSet<String>) {
    for (kind, name) in [("age", "recipient"), ("pgp", "fp"), ("kms", "arn"), ("gcp_kms", "resource_id")] {
        for key in group.get(kind).map(items).unwrap_or_default() {
            if let Some(name) = text_of(key.get(name)) {
                found.insert(if kind == "age" { name } else { format!("{kind} {name}") });
            }
        }
    }
    for key in group.get("hc_vault").map(items).unwrap_or_default() {
        let part = |name| text_of(key.get(name)).unwrap_or_default();
        found.insert(format!("vault {}/v1/{}/keys/{}", part("vault_address"), part("engine_path"), part("key_name")));
    }
    for key in group.get("azure_kv").map(items).unwrap_or_default() {
        let part = |name| text_of(key.get(name)).unwrap_or_default();
        found.insert(format!("azure_kv {}/keys/{}", part("vault_url"), part("name")));
    }
}

/// Returns a key of a rule as the recipients of files are written here.
fn shown(key: &Key) -> String {
    match key {
        Key::Age(recipient) => recipient.clone(),
        Key::Vault(key) => format!("vault {}/v1/{}/keys/{}", key.address, key.engine, key.name),
        Key::Foreign { kind, name } => format!("{kind} {name}"),
    }
}

fn items(value: &Value) -> Vec<&Value> {
    match &value.data {
        Data::List(items) => items.iter().collect(),
        Data::Removed | Data::Scalar(_) | Data::Map(_) => Vec::new(),
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    match &value?.data {
        Data::Scalar(scalar) => Some(scalar.text().to_owned()),
        Data::Removed | Data::List(_) | Data::Map(_) => None,
    }
}

/// Reads the metadata that sops keeps in variables of a dotenv file.
fn flat(text: &str, facts: &mut FileFacts) {
    let mut vaults: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let Some(name) = name.strip_prefix("sops_") else { continue };
        facts.encrypted = true;
        facts.has_mac |= name == "mac" && value.starts_with("ENC[");
        if name.ends_with("__map_recipient") {
            facts.recipients.insert(value.to_owned());
        } else if name.ends_with("__map_fp") {
            facts.recipients.insert(format!("pgp {value}"));
        } else if name.ends_with("__map_arn") {
            facts.recipients.insert(format!("kms {value}"));
        } else if let Some((entry, part)) = name.split_once("__map_").filter(|(entry, _)| entry.contains("hc_vault")) {
            vaults.entry(entry.to_owned()).or_default().insert(part.to_owned(), value.to_owned());
        }
    }
    for parts in vaults.values() {
        let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
        facts.recipients.insert(format!(
            "vault {}/v1/{}/keys/{}",
            part("vault_address"),
            part("engine_path"),
            part("key_name")
        ));
    }
}
