//! The facts about the secrets of a project: what its files say, and the values that can be known here.

use std::collections::{BTreeMap, BTreeSet};

use towpath_core::{
    config::{Diagnostic, Inputs, Loaded, Position, ResolvedEnvironment, SECRET_FOLDER, SourceSet, secret_file_path},
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
    sops::{
        self, File, Format, Plain, SopsError,
        rules::{Key, RULES_FILE, Rules},
    },
    strength::assess,
};

use crate::{
    commands::{
        env::secrets::found_elsewhere,
        secrets::files::{plain_of, shown_recipient},
    },
    context::Context,
    folder::ProjectFolder,
};

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
pub(super) fn gather(
    context: &Context,
    folder: &ProjectFolder,
    loaded: &Loaded,
    names: &[EnvironmentName],
    key: &DigestKey,
    offline: bool,
) -> Gathered {
    let mut gathered = Gathered::default();
    let opened = gathered.open_files(context, folder, loaded);
    for name in names {
        let inputs = gathered.elsewhere(context, loaded, name, offline);
        let resolution = loaded.resolve(name.as_str(), &inputs);
        let diagnostics = loaded.diagnostics().iter().chain(&resolution.diagnostics);
        for one in diagnostics {
            gathered.told(one, &resolution.sources, name);
        }
        match resolution.environment {
            Some(environment) => gathered.environment(&environment, &opened, key),
            None => gathered
                .notes
                .push(format!("{name} has other mistakes, so its secrets are not all known: towpath env validate")),
        }
    }
    gathered
}

impl Gathered {
    /// Reads the files of secrets, and opens those for which there is a key.
    fn open_files(&mut self, context: &Context, folder: &ProjectFolder, loaded: &Loaded) -> BTreeMap<String, Plain> {
        let rules = rules(folder, self);
        let mut opened = BTreeMap::new();
        let folder_of = format!("{SECRET_FOLDER}/");
        for (path, text) in loaded.sources().files().filter(|(path, _)| path.starts_with(&folder_of)) {
            let (mut facts, file) = file(path, text, rules.as_ref());
            match file.map(|file| plain_of(context, path, &file)) {
                Some(Ok(Ok(plain))) => {
                    opened.insert(path.to_owned(), plain);
                }
                Some(Ok(Err(SopsError::NoMac(_)))) => facts.has_mac = false,
                Some(Ok(Err(error))) => facts.broken = Some(error.to_string()),
                // Without a key it is no finding: nobody has all of them.
                Some(Err(_)) | None => {}
            }
            self.facts.files.insert(path.to_owned(), facts);
        }
        opened
    }

    /// Asks the sources beside the files which secrets they have, so that what is missing is missing. Whoever cannot be asked is
    /// a note: then nothing can be said to be missing.
    fn elsewhere(&mut self, context: &Context, loaded: &Loaded, name: &EnvironmentName, offline: bool) -> Inputs {
        let Some(environment) = loaded.resolve(name.as_str(), &Inputs::default()).environment else {
            return Inputs::default();
        };
        if offline || environment.secret_roots.elsewhere.is_empty() {
            return Inputs::default();
        }
        match found_elsewhere(context, &environment, offline) {
            Ok((pins, unasked)) => {
                self.notes.extend(unasked.iter().map(|why| format!("{name}: {why}")));
                Inputs { secrets: unasked.is_empty().then_some(pins), ..Inputs::default() }
            }
            Err(failure) => {
                self.notes.push(format!("{name}: {}", failure.message()));
                Inputs::default()
            }
        }
    }

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

    fn environment(&mut self, environment: &ResolvedEnvironment, opened: &BTreeMap<String, Plain>, key: &DigestKey) {
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
            let in_file = || {
                let plain = opened.get(secret_file_path(&pin?.from)?)?;
                plain.get(&sops::Path::of_key(name))?.as_text().map(|text| SecretText::new(text.as_str()))
            };
            let value = known.map(|variable| SecretText::new(variable.value.clone())).or_else(in_file);
            let value = value.filter(|value| !value.is_empty());
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

/// Returns what a file of secrets says of itself without a key, and the file.
fn file(path: &str, text: &str, rules: Option<&Rules>) -> (FileFacts, Option<File>) {
    let expected = rules.and_then(|rules| rules.rule_for(path)).map(|rule| rule.keys().map(shown).collect());
    let mut facts = FileFacts { expected, has_mac: true, ..FileFacts::default() };
    let format = Format::of_path(path);
    facts.encrypted = File::is_encrypted(text.as_bytes(), format);
    match File::parse(text.as_bytes(), format) {
        Ok(file) => {
            facts.recipients = file.metadata().keys().map(shown_recipient).collect();
            (facts, Some(file))
        }
        Err(error) => {
            facts.has_mac = !matches!(error, SopsError::NoMac(_));
            facts.broken = Some(error.to_string()).filter(|_| facts.encrypted && facts.has_mac);
            (facts, None)
        }
    }
}

/// Returns a key of a rule as recipients of files are told.
fn shown(key: &Key) -> String {
    match key {
        Key::Age(recipient) => recipient.clone(),
        Key::Vault(key) => format!("{}/v1/{}/keys/{}", key.address, key.engine, key.name),
        Key::Foreign { kind, name } => format!("{kind} {name}"),
    }
}
