//! For whom a file is encrypted: what the command line says, else the rule of the nearest `.sops.yaml`.

use std::{
    fs,
    path::{self, Path, PathBuf},
};

use towpath_core::config::{SourceSet, diagnostic_views, has_errors, render_diagnostics};
use towpath_secrets::sops::{
    Creation, KeyGroup, MasterKey, Selection,
    rules::{Key, NOT_RULES_FILE, RULES_FILE, Rule, Rules, VaultKey},
};

use crate::{
    cli::CreationArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
};

/// Rules with the file they are from.
pub(super) struct Found {
    pub(super) path: PathBuf,
    rules: Rules,
}

impl Found {
    /// Returns the rule for a file.
    pub(super) fn rule_for(&self, file: &Path) -> Option<&Rule> {
        let file = path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let folder = path::absolute(&self.path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let within = folder.and_then(|folder| file.strip_prefix(folder).ok().map(Path::to_owned));
        self.rules.rule_for(&within.unwrap_or(file).to_string_lossy())
    }
}

/// Finds and reads the rules for a file: in its folder or one above, else in the current one or one above.
pub(super) fn find(context: &Context, file: &Path, given: Option<&Path>) -> Result<Option<Found>, Failure> {
    if let Some(given) = given {
        return read(context, given).map(Some);
    }
    let file = path::absolute(file).map_err(|error| unreadable(file, &error))?;
    let here = path::absolute(".").map_err(|error| unreadable(Path::new("."), &error))?;
    for folder in file.ancestors().skip(1).chain(here.ancestors()) {
        let found = folder.join(RULES_FILE);
        if found.is_file() {
            let found = read(context, &found)?;
            // A file without creation rules counts as none; sops looks no further either.
            return Ok(found.rules.creation.is_some().then_some(found));
        }
        let other = folder.join(NOT_RULES_FILE);
        if other.is_file() {
            context.out.warn(&format!("{} counts for nothing: it must be called {RULES_FILE}", other.display()));
        }
    }
    Ok(None)
}

fn read(context: &Context, path: &Path) -> Result<Found, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let (rules, found) = Rules::read(&text);
    let mut sources = SourceSet::new();
    let here = path::absolute(".").unwrap_or_default();
    sources.insert(path.strip_prefix(here).unwrap_or(path).display().to_string(), text);
    if let (Some(rules), false) = (rules, has_errors(&found)) {
        if !found.is_empty() {
            context.out.progress(render_diagnostics(&sources, &found, context.out.paint_err().is_on()).trim_end());
        }
        return Ok(Found { path: path.to_owned(), rules });
    }
    let report = render_diagnostics(&sources, &found, context.out.paint_err().is_on());
    let views = serde_json::json!(diagnostic_views(&sources, &found));
    Err(Failure::new(Exit::Failed, "invalid_rules", format!("{} has mistakes", path.display()))
        .report(report, &views)
        .kept("nothing was encrypted"))
}

/// Returns how a new file is encrypted.
pub(super) fn creation(context: &Context, file: &Path, args: &CreationArgs) -> Result<Creation, Failure> {
    let file = args.filename_override.as_deref().unwrap_or(file);
    let found = find(context, file, args.config.as_deref())?;
    let rule = found.as_ref().and_then(|found| found.rule_for(file));
    let given = given_keys(args)?;
    let mut creation = match (given.is_empty(), rule, &found) {
        (false, rule, _) => {
            let mut creation = rule.map(selection_of).unwrap_or_default();
            creation.groups = vec![KeyGroup { keys: given }];
            creation
        }
        (true, Some(rule), _) => of_rule(rule, file)?,
        (true, None, Some(found)) => {
            let message = format!("no rule of {} is for `{}`", found.path.display(), file.display());
            return Err(Failure::new(Exit::Failed, "no_rule", message)
                .kept("nothing was encrypted")
                .next("add a rule whose `path_regex` matches, or name recipients with --age"));
        }
        (true, None, None) => {
            let message = format!("nobody is named who shall open `{}`", file.display());
            return Err(Failure::new(Exit::Failed, "no_recipients", message).kept("nothing was encrypted").next(
                format!("write a {RULES_FILE} with `creation_rules: [{{age: age1…}}]`, or name recipients with --age"),
            ));
        }
    };
    if let Some(selection) = given_selection(args) {
        creation.selection = selection;
    }
    creation.mac_only_encrypted |= args.mac_only_encrypted;
    Ok(creation)
}

/// Returns what a rule says of a file's encryption.
pub(super) fn of_rule(rule: &Rule, file: &Path) -> Result<Creation, Failure> {
    if let Some(key) = rule.foreign().next() {
        let message = format!("the rule for `{}` names {key}, which cannot be encrypted for here", file.display());
        return Err(Failure::new(Exit::Failed, "foreign_key", message)
            .kept("nothing was encrypted")
            .next("use sops for this file, or name age recipients or a key of Vault's transit engine in its place"));
    }
    let group = |keys: &Vec<Key>| KeyGroup { keys: keys.iter().filter_map(master_key).collect() };
    let groups = rule.groups.iter().map(group).collect();
    Ok(Creation { groups, threshold: rule.threshold.map(usize::from), ..selection_of(rule) })
}

fn selection_of(rule: &Rule) -> Creation {
    let selecting = rule.selection.as_ref();
    let selection = selecting.and_then(|selecting| Selection::of_name(selecting.by.as_str(), &selecting.text));
    Creation {
        selection: selection.unwrap_or_default(),
        mac_only_encrypted: rule.mac_only_encrypted,
        ..Creation::default()
    }
}

fn master_key(key: &Key) -> Option<MasterKey> {
    match key {
        Key::Age(recipient) => Some(MasterKey::age(recipient)),
        Key::Vault(key) => Some(MasterKey::hc_vault(&key.address, &key.engine, &key.name)),
        Key::Foreign { .. } => None,
    }
}

fn given_keys(args: &CreationArgs) -> Result<Vec<MasterKey>, Failure> {
    let age = args.age.iter().map(|recipient| recipient.trim()).filter(|recipient| !recipient.is_empty());
    let mut keys = age.map(age_key).collect::<Result<Vec<_>, _>>()?;
    for uri in args.hc_vault_transit.iter().filter(|uri| !uri.is_empty()) {
        keys.push(vault_key(uri)?);
    }
    Ok(keys)
}

/// Reads an age recipient of the command line.
pub(super) fn age_key(text: &str) -> Result<MasterKey, Failure> {
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") {
        let message = "a private key was given where a recipient belongs: it is in the history of your shell now";
        return Err(Failure::usage(message).next("make a new pair with age-keygen, and give its public key"));
    }
    Ok(MasterKey::age(text))
}

/// Reads the address of a transit key.
pub(super) fn vault_key(uri: &str) -> Result<MasterKey, Failure> {
    let key = VaultKey::of_uri(uri).map_err(|error| Failure::of(Exit::Usage, "usage", &error))?;
    Ok(MasterKey::hc_vault(&key.address, &key.engine, &key.name))
}

fn given_selection(args: &CreationArgs) -> Option<Selection> {
    let given = [
        ("unencrypted_suffix", &args.unencrypted_suffix),
        ("encrypted_suffix", &args.encrypted_suffix),
        ("unencrypted_regex", &args.unencrypted_regex),
        ("encrypted_regex", &args.encrypted_regex),
        ("unencrypted_comment_regex", &args.unencrypted_comment_regex),
        ("encrypted_comment_regex", &args.encrypted_comment_regex),
    ];
    given.into_iter().find_map(|(name, value)| Selection::of_name(name, value.as_deref()?))
}
