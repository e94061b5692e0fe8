//! From the tree of metadata to what they mean.

use super::{KeyGroup, KeyKind, MasterKey, Meta, Metadata};
use crate::sops::{
    Selection,
    selection::{Chooser, SELECTION_NAMES},
    time::Time,
};

/// The most master keys a file may name: each may cost an attempt to decrypt.
const MAX_KEYS: usize = 1000;
/// As many groups as a part of a split key can be told apart in.
const MAX_GROUPS: usize = 255;

impl Metadata {
    /// Reads metadata; what is wrong is said in words.
    pub(crate) fn read(meta: &Meta) -> Result<Self, String> {
        let text = |name: &str| match meta.get(name) {
            None | Some(Meta::Null) => Ok(None),
            Some(Meta::Text(text)) => Ok(Some(text.as_str())),
            Some(Meta::Number(_) | Meta::Bool(_) | Meta::List(_) | Meta::Map(_)) => {
                Err(format!("`{name}` should be a text"))
            }
        };
        let modified = text("lastmodified")?.ok_or("`lastmodified` is missing")?;
        let last_modified =
            Time::of_rfc3339(modified).ok_or("`lastmodified` is no time such as `2026-01-02T15:04:05Z`")?.seconds();
        let groups = groups(meta)?;
        let threshold = match meta.get("shamir_threshold") {
            None | Some(Meta::Null) => None,
            Some(value) => Some(threshold(value, groups.len())?).filter(|threshold| *threshold > 0),
        };
        let mut selections = Vec::new();
        for name in SELECTION_NAMES {
            // Suffixes that are numbers to YAML are texts all the same.
            let value = meta.get(name).map(Meta::spelled).unwrap_or_default();
            selections.extend(Selection::of_name(name, &value).filter(|_| !value.is_empty()));
        }
        if selections.len() > 1 {
            let names: Vec<_> = selections.iter().map(Selection::name).collect();
            return Err(format!("only one of `{}` may be given", names.join("`, `")));
        }
        let selection = selections.pop().unwrap_or_default();
        Chooser::new(&selection).map_err(|error| error.to_string())?;
        Ok(Self {
            groups,
            threshold,
            last_modified,
            mac: text("mac")?.unwrap_or_default().to_owned(),
            selection,
            mac_only_encrypted: flag(meta.get("mac_only_encrypted"))?,
            version: meta.get("version").map(Meta::spelled).filter(|version| !version.is_empty()),
        })
    }
}

impl Meta {
    fn spelled(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Null | Self::List(_) | Self::Map(_) => String::new(),
        }
    }
}

fn threshold(value: &Meta, groups: usize) -> Result<usize, String> {
    let number = match value {
        Meta::Number(number) => usize::try_from(*number).ok(),
        Meta::Text(text) => text.parse().ok(),
        Meta::Null | Meta::Bool(_) | Meta::List(_) | Meta::Map(_) => None,
    };
    match number {
        Some(number) if groups <= 1 || number <= groups => Ok(number),
        _ => Err(format!("`shamir_threshold` should be a number up to {groups}, that of the key groups")),
    }
}

fn flag(value: Option<&Meta>) -> Result<bool, String> {
    match value {
        None | Some(Meta::Null) => Ok(false),
        Some(Meta::Bool(value)) => Ok(*value),
        Some(Meta::Number(number)) => Ok(*number != 0),
        Some(Meta::Text(text)) => match text.as_str() {
            "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
            _ => Err("`mac_only_encrypted` should be true or false".to_owned()),
        },
        Some(Meta::List(_) | Meta::Map(_)) => Err("`mac_only_encrypted` should be true or false".to_owned()),
    }
}

fn groups(meta: &Meta) -> Result<Vec<KeyGroup>, String> {
    let single = group(meta)?;
    let mut groups = Vec::new();
    if single.keys.is_empty() {
        match meta.get("key_groups") {
            None | Some(Meta::Null) => {}
            Some(Meta::List(list)) => {
                for entry in list {
                    groups.push(group(entry)?);
                }
            }
            Some(_) => return Err("`key_groups` should be a list".to_owned()),
        }
    } else {
        groups.push(single);
    }
    let keys: usize = groups.iter().map(|group| group.keys.len()).sum();
    match (groups.len(), keys) {
        (_, 0) => Err("they name nobody who could decrypt the file".to_owned()),
        (groups, _) if groups > MAX_GROUPS => Err(format!("more than {MAX_GROUPS} key groups")),
        (_, keys) if keys > MAX_KEYS => Err(format!("more than {MAX_KEYS} master keys")),
        _ => Ok(groups),
    }
}

fn group(meta: &Meta) -> Result<KeyGroup, String> {
    let mut keys = Vec::new();
    for kind in KeyKind::ALL {
        match meta.get(kind.name()) {
            None | Some(Meta::Null) => {}
            Some(Meta::List(list)) => {
                for entry in list {
                    keys.push(key(kind, entry)?);
                }
            }
            Some(_) => return Err(format!("`{}` should be a list", kind.name())),
        }
    }
    Ok(KeyGroup { keys })
}

fn key(kind: KeyKind, meta: &Meta) -> Result<MasterKey, String> {
    let Meta::Map(entries) = meta else { return Err(format!("an entry of `{}` should be a map", kind.name())) };
    let enc =
        meta.get("enc").and_then(Meta::as_text).ok_or_else(|| format!("an entry of `{}` has no `enc`", kind.name()))?;
    let fields = entries.iter().filter(|(name, _)| name != "enc").cloned().collect();
    Ok(MasterKey { kind, fields, enc: enc.to_owned() })
}
