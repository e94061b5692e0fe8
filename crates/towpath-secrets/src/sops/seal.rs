//! Encrypting: a new file, or another plain text for one that is there.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use super::{
    Creation, DataKey, File, Format, KeyGroup, KeyKind, MasterKey, Metadata, Path, Plain, Position, SopsError, Value,
    WrapKeys,
    cipher::{Cipher, bound},
    file::mac_hash,
    keys::wrap_age,
    layout::{self, Block, Field},
    metadata::{Meta, VERSION},
    selection::Chooser,
    shamir,
    tree::{Comment, Here, Leaf, Setting, Span, Spot, Tree, splice, walk},
    value::Kind,
};
use crate::entropy::Entropy;

/// The ciphertexts of a file by what they say, so that what did not change keeps its own.
#[derive(Default)]
pub(crate) struct Stash(BTreeMap<[u8; 32], VecDeque<Token>>);

struct Token {
    sealed: String,
    /// As it stood in the text, quotes and all.
    raw: Vec<u8>,
    flow: bool,
}

impl Stash {
    pub(crate) fn keep(&mut self, aad: &[u8], kind: Kind, plain: &[u8], sealed: &str, raw: &[u8], flow: bool) {
        let token = Token { sealed: sealed.to_owned(), raw: raw.to_vec(), flow };
        self.0.entry(name(aad, kind, plain)).or_default().push_back(token);
    }

    /// Adds those of another file under the same data key, to be used after its own.
    pub(crate) fn append(&mut self, other: Self) {
        for (name, tokens) in other.0 {
            self.0.entry(name).or_default().extend(tokens);
        }
    }

    fn take(&mut self, aad: &[u8], kind: Kind, plain: &[u8]) -> Option<Token> {
        self.0.get_mut(&name(aad, kind, plain))?.pop_front()
    }
}

/// Names a plaintext without holding it.
fn name(aad: &[u8], kind: Kind, plain: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((aad.len() as u64).to_be_bytes());
    hash.update(aad);
    hash.update(kind.word());
    hash.update(b"\0");
    hash.update(plain);
    hash.finalize().into()
}

/// A text whose values are encrypted, and the hash of what they were.
struct Sealed {
    text: Vec<u8>,
    hash: Sha512,
}

struct Sealing<'s> {
    format: Format,
    text: &'s [u8],
    cipher: &'s Cipher,
    chooser: &'s Chooser,
    only_encrypted: bool,
    stash: Stash,
    entropy: &'s dyn Entropy,
    hash: Sha512,
    parts: Vec<(Span, Zeroizing<Vec<u8>>)>,
}

impl Sealing<'_> {
    fn leaf(&mut self, leaf: &Leaf, here: &Here<'_>) -> Result<(), SopsError> {
        if matches!(leaf.value, Value::Null) {
            return Ok(());
        }
        let plain = leaf.value.plain();
        if here.encrypted || !self.only_encrypted {
            self.hash.update(&plain);
        }
        if !here.encrypted || leaf.value.is_empty() {
            return Ok(());
        }
        let aad = bound(here.keys);
        let kind = leaf.value.kind();
        let written = match self.stash.take(&aad, kind, &plain) {
            Some(token) if token.flow == leaf.setting.flow => Zeroizing::new(token.raw),
            Some(token) => self.written(&token.sealed, leaf.setting, here)?,
            None => self.written(&self.cipher.seal(kind, &plain, &aad, self.entropy)?, leaf.setting, here)?,
        };
        self.parts.push((leaf.span.clone(), written));
        Ok(())
    }

    fn written(&self, sealed: &str, setting: Setting, here: &Here<'_>) -> Result<Zeroizing<Vec<u8>>, SopsError> {
        layout::of(self.format).render(&Value::text(sealed), setting).map_err(|what| {
            let path = Path { steps: here.steps.to_vec() }.to_string();
            SopsError::Unfit { path, format: self.format, what }
        })
    }

    fn comment(&mut self, comment: &Comment, here: &Here<'_>) -> Result<(), SopsError> {
        if !here.encrypted || comment.text.is_empty() {
            return Ok(());
        }
        let aad = bound(here.keys);
        let plain = comment.text.as_bytes();
        let written = match self.stash.take(&aad, Kind::Comment, plain) {
            Some(token) => token.raw,
            None => self.cipher.seal(Kind::Comment, plain, &aad, self.entropy)?.into_bytes(),
        };
        if self.chooser.spares(&String::from_utf8_lossy(&written)) {
            let what = "it matches encrypted comments too, so that the file could not be read again".to_owned();
            return Err(SopsError::Selection { rule: "unencrypted_comment_regex", what });
        }
        self.parts.push((comment.span.clone(), Zeroizing::new(written)));
        Ok(())
    }
}

/// Encrypts the values of a plain text.
fn seal(
    format: Format,
    plain: &[u8],
    key: &DataKey,
    rules: (&Chooser, bool),
    stash: Stash,
    entropy: &dyn Entropy,
) -> Result<Sealed, SopsError> {
    let cipher = Cipher::new(key.bytes());
    let (chooser, only_encrypted) = rules;
    if format == Format::Binary {
        return seal_binary(plain, &cipher, rules, stash, entropy);
    }
    let tree = read_plain(format, plain)?;
    let hash = mac_hash(only_encrypted);
    let mut sealing = Sealing {
        format,
        text: plain,
        cipher: &cipher,
        chooser,
        only_encrypted,
        stash,
        entropy,
        hash,
        parts: Vec::new(),
    };
    for document in &tree.documents {
        walk(&document.root, chooser, &mut |spot, here| match spot {
            Spot::Leaf(leaf) => sealing.leaf(leaf, here),
            Spot::Comment(comment) => sealing.comment(comment, here),
        })?;
    }
    sealing.parts.sort_by_key(|(span, _)| span.start);
    let text = splice(sealing.text, &sealing.parts).to_vec();
    Ok(Sealed { text, hash: sealing.hash })
}

fn seal_binary(
    plain: &[u8],
    cipher: &Cipher,
    (chooser, _): (&Chooser, bool),
    mut stash: Stash,
    entropy: &dyn Entropy,
) -> Result<Sealed, SopsError> {
    if !chooser.decide(chooser.matches_key("data"), &[Vec::new()], false) {
        let what = "it leaves `data` as it is, which is all there is in a binary file".to_owned();
        return Err(SopsError::Selection { rule: "the selection rule", what });
    }
    let aad = bound(&["data"]);
    let written = match stash.take(&aad, Kind::Text, plain) {
        _ if plain.is_empty() => String::new(),
        Some(token) => token.sealed,
        None => cipher.seal(Kind::Text, plain, &aad, entropy)?,
    };
    let mut hash = mac_hash(false);
    hash.update(plain);
    Ok(Sealed { text: format!("{{\n\t\"data\": \"{written}\"\n}}\n").into_bytes(), hash })
}

/// Reads a text that is to be encrypted, and refuses one that is already.
fn read_plain(format: Format, plain: &[u8]) -> Result<Tree, SopsError> {
    layout::check_size(plain)?;
    let layout = layout::of(format);
    let mut tree = layout.read(plain)?;
    if let Some(found) = layout.take_metadata(plain, &mut tree)? {
        let key = if format == Format::Dotenv { "sops_…" } else { "sops" }.to_owned();
        return Err(SopsError::Encrypted { at: Position::of(plain, found.at), key });
    }
    Ok(tree)
}

/// Encrypts a MAC over values that were changed at `modified`.
fn seal_mac(hash: Sha512, key: &DataKey, modified: &str, entropy: &dyn Entropy) -> Result<String, SopsError> {
    let mac = hex::encode_upper(hash.finalize());
    Ok(Cipher::new(key.bytes()).seal(Kind::Text, mac.as_bytes(), modified.as_bytes(), entropy)?)
}

/// Makes the text ready to be spliced: aliases of YAML become what they stand for, as sops writes them.
pub(crate) fn normalise(format: Format, text: &[u8]) -> Result<Vec<u8>, SopsError> {
    match format {
        Format::Yaml => super::yaml::without_aliases(text),
        Format::Json | Format::Dotenv | Format::Ini | Format::Binary => Ok(text.to_vec()),
    }
}

/// Encrypts a plain text as a new file; `fresh` texts of JSON are laid out as sops does.
pub(crate) fn create(
    plain: &[u8],
    format: Format,
    creation: &Creation,
    wrap: &dyn WrapKeys,
    now: Timestamp,
    entropy: &dyn Entropy,
    fresh: bool,
) -> Result<Vec<u8>, SopsError> {
    layout::check_size(plain)?;
    let key = DataKey::generate(entropy)?;
    let chooser = Chooser::new(&creation.selection)?;
    let text = Zeroizing::new(normalise(format, plain)?);
    let text = if fresh && format == Format::Json { super::json::indented(&text)? } else { text };
    let rules = (&chooser, creation.mac_only_encrypted);
    let sealed = seal(format, &text, &key, rules, Stash::default(), entropy)?;
    let groups = wrap_groups(&key, &creation.groups, creation.threshold, wrap, now, entropy, |_| None)?;
    let last_modified = rfc3339(now);
    let metadata = Metadata {
        threshold: (groups.len() > 1).then(|| creation.threshold.unwrap_or(groups.len())),
        groups,
        mac: seal_mac(sealed.hash, &key, &last_modified, entropy)?,
        last_modified,
        selection: creation.selection.clone(),
        mac_only_encrypted: creation.mac_only_encrypted,
        version: Some(VERSION.to_owned()),
    };
    let layout = layout::of(format);
    layout.attach(&sealed.text, &[layout.metadata(&Meta::of(&metadata))])
}

/// Gives a file another plain text.
pub(crate) fn edit(
    file: &File,
    key: &DataKey,
    plain: &[u8],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SopsError> {
    let old = file.decrypt(key)?;
    edit_from(file, key, old, plain, now, entropy)
}

/// Gives a file that was decrypted another plain text.
pub(crate) fn edit_from(
    file: &File,
    key: &DataKey,
    old: Plain,
    plain: &[u8],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SopsError> {
    if old.text.as_ref().is_ok_and(|text| text.as_slice() == plain) {
        return Ok(file.text.clone());
    }
    let chooser = Chooser::new(&file.metadata.selection)?;
    let text = Zeroizing::new(normalise(file.format, plain)?);
    let rules = (&chooser, file.metadata.mac_only_encrypted);
    let sealed = seal(file.format, &text, key, rules, old.stash, entropy)?;
    let last_modified = rfc3339(now);
    let mac = seal_mac(sealed.hash, key, &last_modified, entropy)?;
    let layout = layout::of(file.format);
    let blocks = if file.metadata.version.is_some() && file.found.blocks.iter().all(|block| block.fields.len() == 2) {
        file.found.blocks.iter().map(|block| renewed(file, block, &last_modified, &mac)).collect()
    } else {
        let metadata = Metadata { last_modified, mac, ..file.metadata.clone() };
        vec![layout.metadata(&Meta::of(&metadata))]
    };
    layout.attach(&sealed.text, &blocks)
}

/// Returns metadata as they were written, with another MAC.
fn renewed(file: &File, block: &Block, last_modified: &str, mac: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in &block.pieces {
        let mut parts = Vec::new();
        for (field, span, setting) in &block.fields {
            if span.start < piece.start || span.end > piece.end {
                continue;
            }
            let value = match field {
                Field::LastModified => last_modified,
                Field::Mac => mac,
            };
            let raw = file.text.get(span.clone()).unwrap_or_default();
            let written = match requoted(raw, value) {
                Some(written) => Zeroizing::new(written),
                None => layout::of(file.format).render(&Value::text(value), *setting).unwrap_or_default(),
            };
            parts.push((span.start - piece.start..span.end - piece.start, written));
        }
        out.extend_from_slice(&splice(file.text.get(piece.clone()).unwrap_or_default(), &parts));
    }
    out
}

/// Writes a value in the quotes another had. Neither times nor ciphertexts have anything to escape.
fn requoted(raw: &[u8], value: &str) -> Option<Vec<u8>> {
    let quote = match raw.first()? {
        quote @ (b'"' | b'\'') => (*quote as char).to_string(),
        b'|' | b'>' | b'!' | b'&' => return None,
        _ => String::new(),
    };
    Some(format!("{quote}{value}{quote}").into_bytes())
}

/// Returns a file with other metadata and the same values.
pub(crate) fn replace_metadata(file: &File, metadata: &Metadata) -> Result<Vec<u8>, SopsError> {
    let layout = layout::of(file.format);
    let cuts: Vec<_> = file.found.cuts.iter().map(|cut| (cut.clone(), Zeroizing::default())).collect();
    let text = splice(&file.text, &cuts);
    layout.attach(&text, &[layout.metadata(&Meta::of(metadata))])
}

/// Encrypts a data key, or its parts, for all master keys. `known` gives those that hold it already.
pub(crate) fn wrap_groups(
    key: &DataKey,
    groups: &[KeyGroup],
    threshold: Option<usize>,
    wrap: &dyn WrapKeys,
    now: Timestamp,
    entropy: &dyn Entropy,
    known: impl Fn(&MasterKey) -> Option<MasterKey>,
) -> Result<Vec<KeyGroup>, SopsError> {
    if groups.is_empty() || groups.iter().any(|group| group.keys.is_empty()) {
        return Err(SopsError::NoRecipients);
    }
    let parts: Vec<Zeroizing<Vec<u8>>> = if groups.len() == 1 {
        vec![Zeroizing::new(key.bytes().to_vec())]
    } else {
        let threshold = threshold.filter(|threshold| *threshold > 0).unwrap_or(groups.len());
        let wrong = || SopsError::Threshold { threshold, groups: groups.len() };
        let (count, needed) =
            (u8::try_from(groups.len()).map_err(|_| wrong())?, u8::try_from(threshold).map_err(|_| wrong())?);
        if threshold > groups.len() {
            return Err(wrong());
        }
        shamir::split(key.bytes(), count, needed, entropy)?
    };
    let now = rfc3339(now);
    let wrap_one = |master: &MasterKey, part: &[u8]| -> Result<MasterKey, SopsError> {
        if let Some(known) = known(master) {
            return Ok(known);
        }
        let enc = match master.kind {
            KeyKind::Age if master.name() != super::PASSPHRASE_RECIPIENT => wrap_age(master.name(), part),
            _ => wrap.wrap(master, part),
        };
        let enc = enc.map_err(|source| SopsError::Wrap { key: master.name().to_owned(), source: Box::new(source) })?;
        Ok(master.clone().sealed(enc, &now))
    };
    groups
        .iter()
        .zip(&parts)
        .map(|(group, part)| {
            let keys = group.keys.iter().map(|master| wrap_one(master, part)).collect::<Result<_, _>>()?;
            Ok(KeyGroup { keys })
        })
        .collect()
}

/// Returns a plain text in which a path has another value, or none.
pub(crate) fn patch(
    format: Format,
    plain: &[u8],
    path: &Path,
    value: Option<&Value>,
) -> Result<Zeroizing<Vec<u8>>, SopsError> {
    if format == Format::Binary {
        let what = "a binary file has one value, the whole of it";
        return match value {
            Some(value) if *path == Path::of_key("data") => Ok(Zeroizing::new(value.plain().into_owned())),
            _ => Err(SopsError::Path { path: path.to_string(), what }),
        };
    }
    let layout = layout::of(format);
    let text = Zeroizing::new(normalise(format, plain)?);
    let tree = read_plain(format, &text)?;
    let change = match value {
        Some(value) => layout.set(&text, &tree, path, value)?,
        None => layout.unset(&text, &tree, path)?,
    };
    Ok(splice(&text, &[change]))
}

fn rfc3339(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
