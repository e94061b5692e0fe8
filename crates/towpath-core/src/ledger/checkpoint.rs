//! Checkpoints: the size and root of the ledger, signed, as C2SP `tlog-checkpoint` in a `signed-note` with Ed25519.
//!
//! Keys come in as bytes; nothing here draws or stores them. Written out here because the published crates for these
//! formats bring a random number generator with them; the tests compare with those crates.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::tree::Hash;

/// The signature type byte of Ed25519 (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;
/// What stands before anything else that is signed. No checkpoint begins like this: no name of a ledger has a NUL.
const SEALED: &[u8] = b"\0towpath sealed 1\0";
/// Longer notes and more signatures are refused before any of them is checked.
const MAX_NOTE_BYTES: usize = 64 * 1024;
const MAX_SIGNATURES: usize = 100;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// A signed checkpoint as it was stored with the group of entries that it was signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Number of entries after that group.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// Why a checkpoint is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note.
    #[error("the checkpoint is not a signed note")]
    NotANote,
    /// The note holds no checkpoint.
    #[error("the signed note is not a checkpoint: it needs an origin, a size and a root hash, each on its line")]
    NotACheckpoint,
    /// It is signed by others only.
    #[error("the checkpoint is not signed by the expected key")]
    NotSigned,
    /// The signature does not fit the text.
    #[error("the checkpoint's signature is wrong: it was changed, or signed with another key")]
    WrongSignature,
    /// It is signed by the expected key for another ledger.
    #[error("the checkpoint is of another ledger")]
    WrongOrigin,
}

/// Why a key is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointKeyError {
    /// The name would not fit into a note.
    #[error("`{0}` cannot name a ledger: it must not be empty nor contain `+`, spaces or control characters")]
    Name(String),
    /// The text is no verifier key.
    #[error("`{0}` is not a verifier key such as `towpath/shop+1a2b3c4d+A…`")]
    Format(String),
    /// The parts of the key do not fit together.
    #[error("the verifier key `{0}` is damaged: its id does not fit its name and key")]
    Id(String),
}

/// Signs checkpoints of one ledger.
#[derive(Clone)]
pub struct CheckpointSigner {
    key: SigningKey,
    verifier: CheckpointVerifier,
}

/// Checks checkpoints of one ledger. Its text is the verifier key of C2SP signed-note: `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier {
    origin: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Checkpoint {
    /// Reads what a checkpoint says without believing it: no signature is checked.
    pub fn read_unverified(note: &str) -> Result<Self, CheckpointError> {
        Self::from_text(split_note(note)?.0)
    }

    fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let wrong = CheckpointError::NotACheckpoint;
        let mut lines = text.strip_suffix('\n').ok_or(wrong)?.split('\n');
        let (Some(origin), Some(size_text), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(wrong);
        };
        let size: u64 = size_text.parse().map_err(|_| wrong)?;
        let root = BASE64_STANDARD.decode(root).ok().and_then(|root| Hash::try_from(root).ok()).ok_or(wrong)?;
        // `+7` and `007` parse as numbers but are not the one way to write them; extension lines must not be empty.
        if origin.is_empty() || size.to_string() != size_text || lines.any(str::is_empty) {
            return Err(wrong);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root))
    }
}

impl CheckpointSigner {
    /// Returns the signer of the ledger named `origin` with the secret key made from these 32 bytes.
    pub fn new(origin: &str, secret: &[u8; 32]) -> Result<Self, CheckpointKeyError> {
        let key = SigningKey::from_bytes(secret);
        let verifier = CheckpointVerifier::new(origin, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// Returns what checks this signer's checkpoints.
    pub const fn verifier(&self) -> &CheckpointVerifier {
        &self.verifier
    }

    /// Returns the signed checkpoint of a ledger with this size and root. The same input gives the same text.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.verifier.origin.clone(), size, root }.text();
        let mut signature = self.verifier.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.verifier.origin, BASE64_STANDARD.encode(signature))
    }

    /// Returns bytes behind a signature, so that nobody without the key of this ledger can have written them.
    pub fn seal(&self, bytes: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&self.sealed_text(bytes)).to_bytes();
        [&signature, bytes].concat()
    }

    /// Returns the bytes that were sealed; `None` if they are others, or of another ledger.
    pub fn unseal<'a>(&self, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (signature, bytes) = sealed.split_first_chunk::<{ Signature::BYTE_SIZE }>()?;
        let signature = Signature::from_bytes(signature);
        self.verifier.key.verify_strict(&self.sealed_text(bytes), &signature).ok()?;
        Some(bytes)
    }

    fn sealed_text(&self, bytes: &[u8]) -> Vec<u8> {
        [SEALED, self.verifier.origin.as_bytes(), b"\0", bytes].concat()
    }
}

impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckpointSigner({})", self.verifier)
    }
}

impl CheckpointVerifier {
    fn new(origin: &str, key: VerifyingKey) -> Result<Self, CheckpointKeyError> {
        if origin.is_empty() || origin.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control()) {
            return Err(CheckpointKeyError::Name(origin.to_owned()));
        }
        let digest: Hash = Sha256::new()
            .chain_update(origin)
            .chain_update([b'\n', ED25519])
            .chain_update(key.as_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        Ok(Self { origin: origin.to_owned(), id: [a, b, c, d], key })
    }

    /// Returns the name of the ledger.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Checks a signed checkpoint and returns what it says.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let (text, lines) = split_note(note)?;
        let mut signed = false;
        for line in lines.split_terminator('\n') {
            let (name, id, signature) = signature_line(line).ok_or(CheckpointError::NotANote)?;
            if name != self.origin || id != self.id {
                continue;
            }
            let signature = Signature::from_slice(&signature).map_err(|_| CheckpointError::WrongSignature)?;
            self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| CheckpointError::WrongSignature)?;
            signed = true;
        }
        if !signed {
            return Err(CheckpointError::NotSigned);
        }
        let checkpoint = Checkpoint::from_text(text)?;
        if checkpoint.origin == self.origin { Ok(checkpoint) } else { Err(CheckpointError::WrongOrigin) }
    }
}

impl std::str::FromStr for CheckpointVerifier {
    type Err = CheckpointKeyError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || CheckpointKeyError::Format(text.to_owned());
        let mut parts = text.splitn(3, '+');
        let (Some(origin), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| wrong())?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(wrong()) };
        let key = <[u8; 32]>::try_from(key).map_err(|_| wrong())?;
        let verifier = Self::new(origin, VerifyingKey::from_bytes(&key).map_err(|_| wrong())?)?;
        if hex::encode(verifier.id) == id { Ok(verifier) } else { Err(CheckpointKeyError::Id(text.to_owned())) }
    }
}

impl fmt::Display for CheckpointVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.origin, hex::encode(self.id), BASE64_STANDARD.encode(key))
    }
}

/// Splits a signed note into its text, with the newline that ends it, and its signature lines.
fn split_note(note: &str) -> Result<(&str, &str), CheckpointError> {
    let wrong = CheckpointError::NotANote;
    if note.len() > MAX_NOTE_BYTES || note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(wrong);
    }
    let blank = note.rfind("\n\n").ok_or(wrong)?;
    let (text, rest) = note.split_at_checked(blank + 1).ok_or(wrong)?;
    let lines = rest.strip_prefix('\n').ok_or(wrong)?;
    let count = lines.bytes().filter(|byte| *byte == b'\n').count();
    if lines.ends_with('\n') && count <= MAX_SIGNATURES { Ok((text, lines)) } else { Err(wrong) }
}

/// Reads `— name base64(id || signature)`.
fn signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64_STANDARD.decode(signature).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (!name.is_empty() && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

#[cfg(test)]
mod tests;
