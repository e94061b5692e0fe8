//! From the tree of a `.sops.yaml` to rules, with every mistake in it.

use regex::Regex;
use towpath_core::config::{Data, Diagnostic, Label, Member, ScalarKind, Value, nearest};

use super::{Key, Rule, Rules, SelectedBy, Selecting, Stores, VaultKey};
use crate::sops::selection::go;

/// Services whose keys are not spoken here, by the word for them in a rule and in a group.
const FOREIGN: [(&str, &str, &str); 5] = [
    ("pgp", "pgp", ""),
    ("kms", "kms", "arn"),
    ("gcp_kms", "gcp_kms", "resource_id"),
    ("azure_keyvault", "azure_keyvault", "vaultUrl"),
    ("hckms", "hckms", "key_id"),
];

/// The most levels of `merge` in a group.
const MAX_MERGE: usize = 16;

const RULE_KEYS: [&str; 20] = [
    "path_regex",
    "timeout",
    "aws_profile",
    "key_groups",
    "shamir_threshold",
    "mac_only_encrypted",
    "age",
    "hc_vault_transit_uri",
    "pgp",
    "kms",
    "gcp_kms",
    "azure_keyvault",
    "hckms",
    "plugins",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];
const GROUP_KEYS: [&str; 9] =
    ["merge", "age", "hc_vault", "pgp", "kms", "gcp_kms", "azure_keyvault", "hckms", "plugins"];

type Found<'a> = &'a mut Vec<Diagnostic>;

/// Reads the whole file.
pub(super) fn rules(document: &Value, found: Found<'_>) -> Rules {
    if document.is_null() {
        return Rules::default();
    }
    if document.as_map().is_none() {
        found.push(expected(document, "the file", "a map with `creation_rules:`"));
        return Rules::default();
    }
    // Other keys are where people keep anchors, so only what looks mistyped is told.
    unknown(document, &["creation_rules", "destination_rules", "stores"], Unknown::IfNear, "", found);
    let creation = document.get("creation_rules").filter(|rules| !rules.is_null()).map(|rules| {
        list(rules, "creation_rules", found).iter().filter_map(|value| rule(value, found)).collect::<Vec<_>>()
    });
    if let Some(rules) = creation.as_ref().filter(|_| !found.iter().any(Diagnostic::is_error)) {
        unreachable_rules(rules, found);
    }
    Rules { creation, stores: document.get("stores").map_or_else(Stores::default, |stores| read_stores(stores, found)) }
}

fn rule(value: &Value, found: Found<'_>) -> Option<Rule> {
    if value.as_map().is_none() {
        found.push(expected(value, "a creation rule", "a map such as `path_regex: …` and `age: …`"));
        return None;
    }
    let before = found.len();
    unknown(value, &RULE_KEYS, Unknown::Always, " in a creation rule", found);
    let groups = match value.get("key_groups").filter(|groups| !groups.is_null()) {
        Some(groups) => {
            let groups: Vec<_> = list(groups, "key_groups", found).iter().map(|one| group(one, 0, found)).collect();
            for key in ["age", "hc_vault_transit_uri", "pgp", "kms", "gcp_kms", "azure_keyvault", "hckms", "plugins"] {
                if let Some(key_value) = value.get(key).filter(|value| !value.is_null()) {
                    let message = format!("`{key}` beside `key_groups` counts for nothing");
                    let help = "move it into one of the groups, or take it away";
                    found.push(Diagnostic::warning("sops::ignored", key_value.origin, message).help(help));
                }
            }
            groups
        }
        None => vec![unique(direct_keys(value, found))],
    };
    let threshold = threshold(value, groups.len(), found);
    let path =
        text_under(value, "path_regex", found).and_then(|(text, label)| expression(&text, label, "path_regex", found));
    let mac_only_encrypted = flag(value, "mac_only_encrypted", found);
    let selection = selection(value, found);
    for (index, group) in groups.iter().enumerate() {
        // What was wrong with a key was said already.
        if group.is_empty() && !found.iter().skip(before).any(Diagnostic::is_error) {
            let which = if groups.len() > 1 { format!("key group {}", index + 1) } else { "the rule".to_owned() };
            let error = Diagnostic::error("sops::no-key", value.origin, format!("{which} names no key"));
            found.push(error.help("add `age: age1…`, with the public key of who shall read the file"));
        }
    }
    Some(Rule { label: value.origin, path, groups, threshold, selection, mac_only_encrypted })
}

/// A rule after one that takes every file is never looked at.
fn unreachable_rules(rules: &[Rule], found: Found<'_>) {
    let Some(all) = rules.iter().position(|rule| rule.path.is_none()) else { return };
    let (Some(all), Some(next)) = (rules.get(all), rules.get(all + 1)) else { return };
    let warning = Diagnostic::warning("sops::unreachable", next.label, "no file gets as far as this rule");
    found.push(
        warning
            .related(all.label, "this one has no `path_regex`, so it takes all")
            .help("move the one for all files to the end"),
    );
}

fn threshold(value: &Value, groups: usize, found: Found<'_>) -> Option<u8> {
    let given = value.get("shamir_threshold").filter(|value| !value.is_null())?;
    let number = match &given.data {
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Int => scalar.as_int(),
        Data::Scalar(_) | Data::Removed | Data::List(_) | Data::Map(_) => None,
    };
    let Some(number) = number else {
        found.push(expected(given, "`shamir_threshold`", "a number of key groups"));
        return None;
    };
    // 0 is what sops itself writes for "not said".
    if number == 0 || groups < 2 && number == 1 {
        return None;
    }
    match u8::try_from(number) {
        Ok(number) if number >= 2 && usize::from(number) <= groups => Some(number),
        Ok(_) | Err(_) => {
            let message = format!("`shamir_threshold` cannot be {number} of {groups} key groups");
            let help = if groups < 2 {
                "take it away: it is for several `key_groups`".to_owned()
            } else {
                format!("write a number of groups, at least 2 and at most {groups}, or take it away to need them all")
            };
            found.push(Diagnostic::error("sops::threshold", given.origin, message).help(help));
            None
        }
    }
}

fn selection(value: &Value, found: Found<'_>) -> Option<Selecting> {
    let mut chosen: Vec<(Selecting, Label)> = Vec::new();
    for by in SelectedBy::ALL {
        let Some((text, label)) = text_under(value, by.as_str(), found).filter(|(text, _)| !text.is_empty()) else {
            continue;
        };
        if by.is_regex() {
            expression(&text, label, by.as_str(), found);
        }
        chosen.push((Selecting { by, text }, label));
    }
    if let [(first, label), (second, other), ..] = chosen.as_slice() {
        let message = format!("`{}` and `{}` cannot both be said", first.by, second.by);
        let error = Diagnostic::error("sops::clash", *other, message).related(*label, "said here");
        found.push(error.help("keep one of them"));
    }
    chosen.into_iter().next().map(|(selecting, _)| selecting)
}

fn direct_keys(value: &Value, found: Found<'_>) -> Vec<Key> {
    let mut keys = Vec::new();
    for (text, label) in words(value, "age", found) {
        keys.extend(age_key(&text, label, found));
    }
    for (kind, name, _) in FOREIGN {
        keys.extend(words(value, name, found).into_iter().map(|(name, _)| Key::Foreign { kind, name }));
    }
    for (text, label) in words(value, "hc_vault_transit_uri", found) {
        keys.extend(vault_key(&text, label, found));
    }
    keys.extend(plugins(value));
    keys
}

fn group(value: &Value, depth: usize, found: Found<'_>) -> Vec<Key> {
    if value.as_map().is_none() {
        found.push(expected(value, "a key group", "a map such as `age: [age1…]`"));
        return Vec::new();
    }
    unknown(value, &GROUP_KEYS, Unknown::Always, " in a key group", found);
    let mut keys = Vec::new();
    if let Some(merged) = value.get("merge").filter(|merged| !merged.is_null()) {
        if depth == MAX_MERGE {
            found.push(
                Diagnostic::error("sops::depth", merged.origin, "`merge` goes too deep")
                    .help("write the keys in one list"),
            );
            return keys;
        }
        keys.extend(list(merged, "merge", found).iter().flat_map(|one| group(one, depth + 1, found)));
    }
    for (text, label) in words(value, "age", found) {
        keys.extend(age_key(&text, label, found));
    }
    for (kind, name, inner) in FOREIGN {
        let Some(items) = value.get(name).filter(|items| !items.is_null()) else { continue };
        for item in list(items, name, found) {
            let named = if item.as_map().is_some() { item.get(inner) } else { Some(item) };
            match named.and_then(plain_text) {
                Some(name) => keys.push(Key::Foreign { kind, name: name.to_owned() }),
                None => found.push(expected(item, &format!("a key of `{name}`"), &format!("a map with `{inner}:`"))),
            }
        }
    }
    for (text, label) in words(value, "hc_vault", found) {
        keys.extend(vault_key(&text, label, found));
    }
    keys.extend(plugins(value));
    unique(keys)
}

fn plugins(value: &Value) -> Vec<Key> {
    let Some(Data::List(items)) = value.get("plugins").map(|items| &items.data) else { return Vec::new() };
    let name = |item: &Value| item.get("binary_name").and_then(plain_text).unwrap_or("plugin").to_owned();
    items.iter().map(|item| Key::Foreign { kind: "plugin", name: name(item) }).collect()
}

fn unique(keys: Vec<Key>) -> Vec<Key> {
    keys.into_iter().fold(Vec::new(), |mut kept, key| {
        if !kept.contains(&key) {
            kept.push(key);
        }
        kept
    })
}

/// Reads an age recipient; a private key in its place is not shown.
fn age_key(text: &str, label: Label, found: Found<'_>) -> Option<Key> {
    let upper = text.to_ascii_uppercase();
    if upper.contains("AGE-SECRET-KEY-") || upper.contains("PRIVATE KEY") {
        let error =
            Diagnostic::error("sops::private-key", label, "this is a private key, and who reads it reads every file");
        found.push(
            error
                .hidden(true)
                .help("put its public key here (`age-keygen -y`), and make a new pair: this one is known now"),
        );
        return None;
    }
    match recipient_mistake(text) {
        None => Some(Key::Age(text.to_owned())),
        Some((message, help)) => {
            found.push(Diagnostic::error("sops::recipient", label, message).help(help));
            None
        }
    }
}

/// Says what is wrong with an age recipient, and what to do.
fn recipient_mistake(text: &str) -> Option<(String, &'static str)> {
    let shown: String = text.chars().take(40).collect();
    let ok = if text.starts_with("age1") {
        if text.parse::<age::x25519::Recipient>().is_err()
            && text.matches('1').count() > 1
            && !text.starts_with("age1q")
        {
            return Some((
                format!("`{shown}` is of a plugin of age, and plugins are not spoken here"),
                "use sops for it, or name a key that begins with `age1` and no other name",
            ));
        }
        text.parse::<age::x25519::Recipient>().is_ok()
    } else if text.starts_with("ssh-") {
        text.parse::<age::ssh::Recipient>().is_ok()
    } else {
        return Some((
            format!("`{shown}` is no age recipient"),
            "write a public key that begins with `age1`, `ssh-ed25519` or `ssh-rsa`",
        ));
    };
    (!ok).then(|| (format!("`{shown}` is damaged: its check sum is wrong"), "copy the whole public key again"))
}

fn vault_key(text: &str, label: Label, found: Found<'_>) -> Option<Key> {
    match VaultKey::of_uri(text) {
        Ok(key) => Some(Key::Vault(key)),
        Err(error) => {
            let help = "write it as `https://vault.example.com:8200/v1/transit/keys/NAME`";
            let hidden = error == super::VaultKeyError::Extra;
            found.push(Diagnostic::error("sops::vault", label, error.to_string()).help(help).hidden(hidden));
            None
        }
    }
}

fn read_stores(stores: &Value, found: Found<'_>) -> Stores {
    let mut indent = |name: &str| {
        let value = stores.get(name)?.get("indent").filter(|value| !value.is_null())?;
        let number = match &value.data {
            Data::Scalar(scalar) => scalar.as_int(),
            Data::Removed | Data::List(_) | Data::Map(_) => None,
        };
        // -1 is what sops takes for "not said".
        if number == Some(-1) {
            return None;
        }
        let fits = number.and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= 16);
        if fits.is_none() {
            found.push(expected(value, &format!("`stores.{name}.indent`"), "a number of spaces from 0 to 16"));
        }
        fits
    };
    Stores {
        yaml_indent: indent("yaml").filter(|n| *n > 0),
        json_indent: indent("json"),
        binary_indent: indent("json_binary"),
    }
}

fn expression(text: &str, label: Label, name: &str, found: Found<'_>) -> Option<Regex> {
    let compiled = go::compile(text).map_err(|why| {
        let message = format!("`{name}` is no regular expression: {why}");
        let help = "write one as Go's `regexp` takes it; `\\.` for a dot";
        found.push(Diagnostic::error("sops::regex", label, message).help(help));
    });
    compiled.ok()
}

fn flag(value: &Value, name: &str, found: Found<'_>) -> bool {
    let Some(given) = value.get(name).filter(|given| !given.is_null()) else { return false };
    let read = match &given.data {
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Bool => scalar.as_bool(),
        // What go-yaml takes for a truth value where one is asked for.
        Data::Scalar(scalar) => match scalar.text().to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => Some(true),
            "no" | "off" | "n" => Some(false),
            _ => None,
        },
        Data::Removed | Data::List(_) | Data::Map(_) => None,
    };
    if read.is_none() {
        found.push(expected(given, &format!("`{name}`"), "`true` or `false`"));
    }
    read.unwrap_or(false)
}

/// Returns the text under a key.
fn text_under(value: &Value, name: &str, found: Found<'_>) -> Option<(String, Label)> {
    let given = value.get(name).filter(|given| !given.is_null())?;
    let text = plain_text(given).map(str::to_owned);
    if text.is_none() {
        found.push(expected(given, &format!("`{name}`"), "a text"));
    }
    text.map(|text| (text, given.origin))
}

/// Returns the words of a list, or of a text with commas between them.
fn words(value: &Value, name: &str, found: Found<'_>) -> Vec<(String, Label)> {
    let Some(given) = value.get(name).filter(|given| !given.is_null()) else { return Vec::new() };
    let items = if let Data::List(items) = &given.data { items.as_slice() } else { std::slice::from_ref(given) };
    let mut words = Vec::new();
    for item in items {
        let Some(text) = plain_text(item) else {
            found.push(expected(item, &format!("`{name}`"), "a text or a list of texts"));
            continue;
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        words.extend(parts.map(|part| (part.to_owned(), item.origin)));
    }
    words
}

fn list<'a>(value: &'a Value, name: &str, found: Found<'_>) -> &'a [Value] {
    if let Data::List(items) = &value.data {
        return items;
    }
    found.push(expected(value, &format!("`{name}`"), "a list"));
    &[]
}

fn plain_text(value: &Value) -> Option<&str> {
    match &value.data {
        Data::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(scalar.text()),
        Data::Scalar(_) | Data::Removed | Data::List(_) | Data::Map(_) => None,
    }
}

fn expected(value: &Value, what: &str, must: &str) -> Diagnostic {
    let given = match &value.data {
        Data::Removed => "nothing",
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Null => "nothing",
        Data::Scalar(_) => "a text or number",
        Data::List(_) => "a list",
        Data::Map(_) => "a map",
    };
    Diagnostic::error("sops::type", value.origin, format!("{what} must be {must}, not {given}"))
        .help(format!("write {must}"))
}

/// Which unknown keys are told.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    Always,
    IfNear,
}

/// A key that looks mistyped is an error: what it was to say would be left out in silence. Another is for a newer sops.
fn unknown(value: &Value, known: &[&str], which: Unknown, place: &str, found: Found<'_>) {
    let members = value.as_map().into_iter().flat_map(|map| map.iter());
    for (key, Member { key: label, .. }) in members.filter(|(key, _)| !known.contains(&key.as_ref())) {
        let message = format!("unknown key `{key}`{place}");
        if let Some(near) = nearest(key, known.iter().copied()) {
            found.push(Diagnostic::error("sops::unknown-key", *label, message).help(format!("did you mean `{near}`?")));
        } else if which == Unknown::Always {
            let help = "it counts for nothing here; take it away unless another program reads it";
            found.push(Diagnostic::warning("sops::unknown-key", *label, message).help(help));
        }
    }
}
