//! Merging encrypted files: opened, merged, and closed again with every ciphertext that still says the same.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{
    Conflict, ConflictKind, MergedText, Plain, Side, lines, merge_text,
    recipients::{self, all_stay, held, same_groups},
    sides::Three,
};
use crate::{
    entropy::Entropy,
    sops::{
        Creation, DataKey, File, Format, KeyGroup, MasterKeys, Metadata, SopsError, UnwrapError, Value, WrapKeys,
        path::Path,
        seal::{self, Stash},
    },
};

/// Why files cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// One of them cannot be opened.
    #[error("{version} cannot be opened")]
    Key {
        /// Which: `base`, `ours` or `theirs`.
        version: &'static str,
        /// Why.
        source: UnwrapError,
    },
    /// One of them cannot be decrypted, or was changed by something that has not the key.
    #[error("{version} cannot be decrypted")]
    Decrypt {
        /// Which: `base`, `ours` or `theirs`.
        version: &'static str,
        /// Why.
        source: SopsError,
    },
    /// One of them is no text.
    #[error("{version} is not UTF-8")]
    NoText {
        /// Which: `base`, `ours` or `theirs`.
        version: &'static str,
    },
    /// The result cannot be written.
    #[error("the merged text cannot be encrypted")]
    Seal(#[from] SopsError),
}

/// One version, opened.
struct Version {
    file: File,
    key: DataKey,
    text: Plain,
}

/// Versions of a file, opened to be merged.
pub struct Merge {
    versions: Three<Version>,
    format: Format,
}

/// What a result is made with.
pub struct Tools<'t> {
    /// Wraps data keys.
    pub wrap: &'t dyn WrapKeys,
    /// The time that is written.
    pub now: Timestamp,
    /// Randomness.
    pub entropy: &'t dyn Entropy,
}

impl Version {
    fn open(version: &'static str, file: File, keys: &dyn MasterKeys) -> Result<Self, MergeError> {
        let key = file.unwrap_key(keys).map_err(|source| MergeError::Key { version, source })?;
        let wrong = |source| MergeError::Decrypt { version, source };
        let plain = file.decrypt(&key).map_err(wrong)?;
        let bytes = plain.text().map_err(wrong)?;
        let text = std::str::from_utf8(bytes).map_err(|_| MergeError::NoText { version })?;
        Ok(Self { text: Zeroizing::new(text.to_owned()), file, key })
    }
}

impl Merge {
    /// Opens the versions; each is checked by its MAC. Both sides are of one format.
    pub fn open(base: Option<File>, ours: File, theirs: File, keys: &dyn MasterKeys) -> Result<Self, MergeError> {
        let format = ours.format();
        let ours = Version::open("ours", ours, keys)?;
        let theirs = Version::open("theirs", theirs, keys)?;
        let base = base.map(|base| Version::open("base", base, keys)).transpose()?;
        Ok(Self { versions: Three { base, ours, theirs }, format })
    }

    /// Merges the plain texts; `take` says whose word holds in a conflict.
    pub fn text(&self, take: &dyn Fn(&Conflict) -> Side) -> Result<MergedText, MergeError> {
        let three = self.versions.as_ref().map(|version| version.text.as_str());
        let mut merged = merge_text(self.format, three.base, three.ours, three.theirs, take)?;
        if recipients::merged(&self.metadata()).is_none() {
            merged.conflicts.push(Conflict { path: Path::default(), kind: ConflictKind::Recipients });
        }
        Ok(merged)
    }

    /// Returns the plain text with what differs between markers, but for conflicts in which `said` knows whose word holds;
    /// `None` where nothing differs.
    pub fn marked_text(&self, said: &dyn Fn(&Conflict) -> Option<Side>) -> Result<Option<Plain>, MergeError> {
        let ours = self.text(&|conflict| said(conflict).unwrap_or(Side::Ours))?;
        let theirs = self.text(&|conflict| said(conflict).unwrap_or(Side::Theirs))?;
        let marked = lines::marked(&ours.text, &theirs.text, ("ours", "theirs"), &|_| false);
        Ok(marked.map(Zeroizing::new))
    }

    /// Returns the encrypted text with what differs between markers: what git leaves in a work tree. It is no file that
    /// could be decrypted.
    pub fn marked_file(&self, tools: &Tools<'_>) -> Result<Option<Vec<u8>>, MergeError> {
        let seal = |side: Side| -> Result<String, MergeError> {
            let merged = self.text(&|_| side)?;
            let bytes = self.sealed(Side::Ours, merged.text.as_bytes(), tools)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let (ours, theirs) = (seal(Side::Ours)?, seal(Side::Theirs)?);
        Ok(lines::marked(&ours, &theirs, ("ours", "theirs"), &|lines| lines.iter().all(|line| is_stamp(line)))
            .map(String::into_bytes))
    }

    /// Encrypts a merged text for whom both sides let open the file; `take` says whose recipients, where no rule does.
    pub fn seal(
        &self,
        text: &[u8],
        take: &dyn Fn(&Conflict) -> Side,
        tools: &Tools<'_>,
    ) -> Result<Vec<u8>, MergeError> {
        let metadata = self.metadata();
        let (groups, threshold) = recipients::merged(&metadata).unwrap_or_else(|| {
            let conflict = Conflict { path: Path::default(), kind: ConflictKind::Recipients };
            let side = metadata.of(take(&conflict));
            (side.groups.clone(), side.threshold)
        });
        let rules = metadata.map(|side| (&side.selection, side.mac_only_encrypted));
        let rules = *rules.of(rules.settled(|a, b| a == b).unwrap_or(Side::Ours));
        // A data key that somebody has who is to have it no more is not used on.
        let fits = |side: Side| {
            let side = metadata.of(side);
            all_stay(side, &groups) && (&side.selection, side.mac_only_encrypted) == rules
        };
        let Some(side) = [Side::Ours, Side::Theirs].into_iter().find(|side| fits(*side)) else {
            let creation = Creation {
                groups: groups.into_iter().map(unsealed).collect(),
                threshold,
                selection: rules.0.clone(),
                mac_only_encrypted: rules.1,
            };
            return Ok(seal::create(text, self.format, &creation, tools.wrap, tools.now, tools.entropy, false)?);
        };
        let bytes = self.sealed(side, text, tools)?;
        let wanted = Metadata { groups, threshold, ..(*metadata.of(side)).clone() };
        if same_groups(metadata.of(side), &wanted) {
            return Ok(bytes);
        }
        let file = File::parse(&bytes, self.format)?;
        let key = &self.versions.of(side).key;
        let sides: Vec<&Metadata> = [Side::Ours, Side::Theirs]
            .into_iter()
            .filter(|other| self.versions.of(*other).key.bytes() == key.bytes())
            .map(|other| *metadata.of(other))
            .collect();
        // What a service wrapped on one side need not be wrapped again.
        let known = if let [group] = wanted.groups.as_slice() {
            group.keys.iter().map(|key| held(key, &sides)).collect::<Option<Vec<_>>>()
        } else {
            None
        };
        if let Some(keys) = known {
            let metadata = Metadata { groups: vec![KeyGroup { keys }], threshold: None, ..file.metadata().clone() };
            return Ok(seal::replace_metadata(&file, &metadata)?);
        }
        Ok(file.update_keys(key, &wanted.groups, wanted.threshold, tools.wrap, tools.now, tools.entropy)?)
    }

    /// Encrypts a text as one side's file, with every ciphertext of both that says the same.
    fn sealed(&self, side: Side, text: &[u8], tools: &Tools<'_>) -> Result<Vec<u8>, SopsError> {
        let version = self.versions.of(side);
        let other = self.versions.of(if side == Side::Ours { Side::Theirs } else { Side::Ours });
        let mut plain = version.file.decrypt(&version.key)?;
        if other.key.bytes() == version.key.bytes() {
            let stash: Stash = other.file.decrypt(&other.key)?.stash;
            plain.stash.append(stash);
        }
        seal::edit_from(&version.file, &version.key, plain, text, tools.now, tools.entropy)
    }

    fn metadata(&self) -> Three<&Metadata> {
        self.versions.as_ref().map(|version| version.file.metadata())
    }

    /// Returns one side's value, to be shown where that is asked for.
    pub fn value(&self, side: Side, path: &Path) -> Option<Value> {
        let version = self.versions.of(side);
        version.file.decrypt(&version.key).ok()?.get(path).cloned()
    }

    /// Returns whom one of the sides let open the file and the result does not, by name.
    pub fn removed(&self) -> Vec<String> {
        let metadata = self.metadata();
        let Some((groups, _)) = recipients::merged(&metadata) else { return Vec::new() };
        let gone = |key: &&crate::sops::MasterKey| !groups.iter().any(|group| recipients::has(group, key));
        let mut names: Vec<String> =
            metadata.ours.keys().chain(metadata.theirs.keys()).filter(gone).map(|key| key.name().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn unsealed(group: KeyGroup) -> KeyGroup {
    let keys = group.keys.into_iter().map(|mut key| {
        key.enc.clear();
        key
    });
    KeyGroup { keys: keys.collect() }
}

/// Says whether a line holds what every writing of a file changes.
fn is_stamp(line: &str) -> bool {
    let name = line.trim_start().trim_start_matches('"').trim_start_matches("sops_");
    ["mac", "lastmodified"].iter().any(|stamp| {
        name.strip_prefix(stamp).is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with([':', '=']))
    })
}
