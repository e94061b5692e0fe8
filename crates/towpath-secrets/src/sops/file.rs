//! An encrypted file: what it says without a key, and what it says with one.

use jiff::Timestamp;
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    DataKey, Format, KeyGroup, MasterKey, MasterKeys, Metadata, Path, Position, SopsError, UnwrapError, Value,
    WrapKeys,
    cipher::{Cipher, Wrong, bound, is_sealed},
    keys,
    layout::{self, Found},
    seal::{self, Stash},
    selection::Chooser,
    tree::{Comment, Here, Leaf, Span, Spot, Tree, splice, walk},
    value::Kind,
};
use crate::entropy::Entropy;

/// What `mac_only_encrypted` begins its hash with: SHA-256 of `sops`.
pub(crate) const MAC_ONLY_ENCRYPTED: &str = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69";

/// A file as it was read. Its names are in clear, its values are not.
pub struct File {
    pub(crate) format: Format,
    pub(crate) text: Vec<u8>,
    pub(crate) tree: Tree,
    pub(crate) metadata: Metadata,
    pub(crate) found: Found,
}

/// The name of a value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The way to it.
    pub path: Path,
    /// The place of its key, or of the value where it is an item of a list, in bytes.
    pub span: std::ops::Range<usize>,
    /// The same, by line and column.
    pub position: Position,
    /// Whether the value is a ciphertext.
    pub encrypted: bool,
}

/// The values of a file. Erased when dropped.
pub struct Plain {
    pub(crate) text: Result<Zeroizing<Vec<u8>>, (Path, &'static str)>,
    format: Format,
    values: Vec<(Path, Value)>,
    pub(crate) stash: Stash,
}

impl File {
    /// Reads a file. Needs no key; says nothing about whether its values are unchanged.
    pub fn parse(text: &[u8], format: Format) -> Result<Self, SopsError> {
        layout::check_size(text)?;
        let layout = layout::of(format);
        let text = seal::normalise(format, text)?;
        let mut tree = layout.read(&text)?;
        let found = layout.take_metadata(&text, &mut tree)?.ok_or(SopsError::NotEncrypted)?;
        let metadata = Metadata::read(&found.meta)
            .map_err(|what| SopsError::Metadata { at: Position::of(&text, found.at), what })?;
        Ok(Self { format, text, tree, metadata, found })
    }

    /// Says whether a text has metadata of sops, as far as it can be read.
    pub fn is_encrypted(text: &[u8], format: Format) -> bool {
        let layout = layout::of(format);
        let Ok(text) = layout::check_size(text).and_then(|()| seal::normalise(format, text)) else { return false };
        layout.read(&text).is_ok_and(|mut tree| matches!(layout.take_metadata(&text, &mut tree), Ok(Some(_))))
    }

    /// Returns the format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns what the file says about its encryption.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the names of all values, in their order.
    pub fn names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        let Ok(chooser) = Chooser::new(&self.metadata.selection) else { return names };
        for document in &self.tree.documents {
            let _: Result<(), SopsError> = walk(&document.root, &chooser, &mut |spot, here| {
                if let Spot::Leaf(leaf) = spot {
                    let span = here.key_span.unwrap_or(&leaf.span).clone();
                    let position = Position::of(&self.text, span.start);
                    let encrypted = matches!(&leaf.value, Value::Text(text) if here.encrypted && is_sealed(text));
                    names.push(Name { path: Path { steps: here.steps.to_vec() }, span, position, encrypted });
                }
                Ok(())
            });
        }
        names
    }

    /// Returns the master keys that only a service can open: ask it, put what it says into [`super::Answers`].
    pub fn unwrap_requests(&self) -> impl Iterator<Item = &MasterKey> {
        self.metadata.keys().filter(|key| key.kind != super::KeyKind::Age)
    }

    /// Opens the data key by whatever keys are at hand.
    pub fn unwrap_key(&self, keys: &dyn MasterKeys) -> Result<DataKey, UnwrapError> {
        keys::unwrap(&self.metadata, keys)
    }

    /// Decrypts all values and checks the MAC.
    pub fn decrypt(&self, key: &DataKey) -> Result<Plain, SopsError> {
        let chooser = Chooser::new(&self.metadata.selection)?;
        let mut opening = Opening {
            file: self,
            cipher: Cipher::new(key.bytes()),
            hash: mac_hash(self.metadata.mac_only_encrypted),
            parts: Vec::new(),
            values: Vec::new(),
            stash: Stash::default(),
            unfit: None,
        };
        for document in &self.tree.documents {
            walk(&document.root, &chooser, &mut |spot, here| match spot {
                Spot::Leaf(leaf) => opening.leaf(leaf, here),
                Spot::Comment(comment) => {
                    opening.comment(comment, here);
                    Ok(())
                }
            })?;
        }
        opening.finish()
    }

    /// Returns the file with another plain text: what did not change keeps its ciphertext.
    pub fn edit(
        &self,
        key: &DataKey,
        plain: &[u8],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        seal::edit(self, key, plain, now, entropy)
    }

    /// Returns the file with a value set; maps on the way are made where there are none.
    pub fn set(
        &self,
        key: &DataKey,
        path: &Path,
        value: &Value,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        let plain = self.decrypt(key)?;
        let changed = seal::patch(self.format, plain.text()?, path, Some(value))?;
        seal::edit_from(self, key, plain, &changed, now, entropy)
    }

    /// Returns the file without a value.
    pub fn unset(
        &self,
        key: &DataKey,
        path: &Path,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        let plain = self.decrypt(key)?;
        let changed = seal::patch(self.format, plain.text()?, path, None)?;
        seal::edit_from(self, key, plain, &changed, now, entropy)
    }

    /// Returns the file for other master keys, under the same data key. Whoever is no longer named could have kept that
    /// key: [`File::rotate`] makes a new one.
    pub fn update_keys(
        &self,
        key: &DataKey,
        groups: &[KeyGroup],
        threshold: Option<usize>,
        wrap: &dyn WrapKeys,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        // What is not known to be unchanged is not given to others.
        self.decrypt(key)?;
        let mut metadata = self.metadata.clone();
        let same = self.metadata.groups.len() == 1 && groups.len() == 1;
        metadata.groups = seal::wrap_groups(key, groups, threshold, wrap, now, entropy, |new| {
            self.metadata.keys().find(|old| same && old.is_same(new) && !old.enc.is_empty()).cloned()
        })?;
        metadata.threshold = threshold.filter(|_| groups.len() > 1);
        seal::replace_metadata(self, &metadata)
    }

    /// Returns the file under a new data key, for the same master keys.
    pub fn rotate(
        &self,
        key: &DataKey,
        wrap: &dyn WrapKeys,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        let groups = self.metadata.groups.clone();
        self.rotate_for(key, &groups, self.metadata.threshold, wrap, now, entropy)
    }

    /// Returns the file under a new data key, for other master keys.
    pub fn rotate_for(
        &self,
        key: &DataKey,
        groups: &[KeyGroup],
        threshold: Option<usize>,
        wrap: &dyn WrapKeys,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SopsError> {
        let plain = self.decrypt(key)?;
        let creation = super::Creation {
            groups: groups.to_vec(),
            threshold,
            selection: self.metadata.selection.clone(),
            mac_only_encrypted: self.metadata.mac_only_encrypted,
        };
        seal::create(plain.text()?, self.format, &creation, wrap, now, entropy, false)
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({}, {} bytes)", self.format, self.text.len())
    }
}

impl Plain {
    /// Returns the whole text, without metadata.
    pub fn text(&self) -> Result<&[u8], SopsError> {
        match &self.text {
            Ok(text) => Ok(text),
            Err((path, what)) => Err(SopsError::Unfit { path: path.to_string(), format: self.format, what }),
        }
    }

    /// Returns the value at a path.
    pub fn get(&self, path: &Path) -> Option<&Value> {
        self.values.iter().find(|(other, _)| other == path).map(|(_, value)| value)
    }

    /// Returns all values, in their order. Values of later documents follow.
    pub fn values(&self) -> impl Iterator<Item = (&Path, &Value)> {
        self.values.iter().map(|(path, value)| (path, value))
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plain({} values)", self.values.len())
    }
}

/// Begins the hash of a MAC.
pub(crate) fn mac_hash(only_encrypted: bool) -> Sha512 {
    let mut hash = Sha512::new();
    if only_encrypted {
        hash.update(hex::decode(MAC_ONLY_ENCRYPTED).unwrap_or_default());
    }
    hash
}

struct Opening<'f> {
    file: &'f File,
    cipher: Cipher,
    hash: Sha512,
    parts: Vec<(Span, Zeroizing<Vec<u8>>)>,
    values: Vec<(Path, Value)>,
    stash: Stash,
    unfit: Option<(Path, &'static str)>,
}

impl Opening<'_> {
    fn leaf(&mut self, leaf: &Leaf, here: &Here<'_>) -> Result<(), SopsError> {
        let path = Path { steps: here.steps.to_vec() };
        if matches!(leaf.value, Value::Null) {
            self.values.push((path, Value::Null));
            return Ok(());
        }
        let opened = if here.encrypted { self.open(leaf, here, &path)? } else { None };
        if here.encrypted || !self.file.metadata.mac_only_encrypted {
            self.hash.update(opened.as_ref().unwrap_or(&leaf.value).plain());
        }
        if let Some(value) = &opened {
            match layout::of(self.file.format).render(value, leaf.setting) {
                Ok(text) => self.parts.push((leaf.span.clone(), text)),
                Err(what) => self.unfit = self.unfit.take().or_else(|| Some((path.clone(), what))),
            }
        }
        self.values.push((path, opened.unwrap_or_else(|| leaf.value.clone())));
        Ok(())
    }

    fn open(&mut self, leaf: &Leaf, here: &Here<'_>, path: &Path) -> Result<Option<Value>, SopsError> {
        let wrong = |wrong: Wrong| SopsError::Value {
            at: Position::of(&self.file.text, leaf.span.start),
            path: path.to_string(),
            what: wrong.what(),
        };
        let Value::Text(sealed) = &leaf.value else { return Err(wrong(Wrong::Form)) };
        if sealed.is_empty() {
            return Ok(None);
        }
        let sealed = std::str::from_utf8(sealed).map_err(|_| wrong(Wrong::Form))?;
        let aad = bound(here.keys);
        let (kind, plain) = self.cipher.open(sealed, &aad).map_err(wrong)?;
        if kind == Kind::Comment {
            return Err(wrong(Wrong::Kind));
        }
        let value = Value::of_plain(kind, plain).ok_or_else(|| wrong(Wrong::Kind))?;
        let raw = self.file.text.get(leaf.span.clone()).unwrap_or_default();
        self.stash.keep(&aad, kind, &value.plain(), sealed, raw, leaf.setting.flow);
        Ok(Some(value))
    }

    /// Decrypts a comment; what does not open is one that was never encrypted.
    fn comment(&mut self, comment: &Comment, here: &Here<'_>) {
        let sealed = comment.text.trim_end();
        if !here.encrypted || !is_sealed(sealed.as_bytes()) {
            return;
        }
        let own: Vec<String> = here.keys.iter().map(|key| (*key).to_owned()).collect();
        for way in std::iter::once(&own).chain(&comment.ways) {
            let keys: Vec<&str> = way.iter().map(String::as_str).collect();
            let aad = bound(&keys);
            if let Ok((Kind::Comment, plain)) = self.cipher.open(sealed, &aad) {
                let Ok(text) = std::str::from_utf8(&plain) else { return };
                self.stash.keep(&bound(here.keys), Kind::Comment, &plain, sealed, comment.text.as_bytes(), false);
                self.parts.push((comment.span.clone(), layout::of(self.file.format).render_comment(text)));
                return;
            }
        }
    }

    fn finish(mut self) -> Result<Plain, SopsError> {
        self.check_mac()?;
        let file = self.file;
        let text = match (self.unfit.take(), file.format) {
            (Some(unfit), _) if file.format != Format::Binary => Err(unfit),
            (_, Format::Binary) => Ok(self.binary()),
            (_, Format::Yaml | Format::Json | Format::Dotenv | Format::Ini) => {
                self.parts.extend(file.found.cuts.iter().map(|cut| (cut.clone(), Zeroizing::default())));
                self.parts.sort_by_key(|(span, _)| span.start);
                Ok(splice(&file.text, &self.parts))
            }
        };
        Ok(Plain { text, format: file.format, values: self.values, stash: self.stash })
    }

    fn binary(&self) -> Zeroizing<Vec<u8>> {
        let data = Path::of_key("data");
        let value = self.values.iter().find(|(path, _)| *path == data).map(|(_, value)| value.plain());
        Zeroizing::new(value.unwrap_or_default().into_owned())
    }

    fn check_mac(&mut self) -> Result<(), SopsError> {
        let metadata = &self.file.metadata;
        if metadata.mac.is_empty() {
            return Err(SopsError::NoMac("is missing"));
        }
        let (kind, wanted) = self
            .cipher
            .open(&metadata.mac, metadata.last_modified.as_bytes())
            .map_err(|_| SopsError::NoMac("does not open: it or `lastmodified` was changed"))?;
        let computed = hex::encode_upper(std::mem::take(&mut self.hash).finalize());
        if kind == Kind::Text && bool::from(computed.as_bytes().ct_eq(&wanted)) { Ok(()) } else { Err(SopsError::Mac) }
    }
}
