//! Master keys of age: X25519, SSH (Ed25519 and RSA), passphrases.

use std::{io::Read as _, str::FromStr as _};

use age::{Callbacks, Decryptor, armor::ArmoredReader, secrecy::SecretString};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use super::{KeyError, MasterKeys, WrapKeys};
use crate::sops::{KeyKind, MasterKey};

/// The most bytes a wrapped key has when it is open: 33, and room for what is no data key.
const MAX_OPENED: u64 = 1024;
/// The most work a passphrase may cost, as a power of two; some seconds.
const MAX_WORK: u8 = 22;
/// The most bytes of a file of identities.
const MAX_IDENTITIES: usize = 1 << 20;

/// What stands as recipient where a passphrase opens the data key, which sops itself has no word for.
pub const PASSPHRASE_RECIPIENT: &str = "passphrase";

type BoxedIdentity = Box<dyn age::Identity + Send + Sync>;

/// The private keys at hand, and other sources of master keys. Shows nothing in `Debug`.
#[derive(Default)]
pub struct Identities {
    age: Vec<BoxedIdentity>,
    others: Vec<Box<dyn MasterKeys + Send + Sync>>,
}

impl Identities {
    /// Returns no identities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether nothing is at hand.
    pub fn is_empty(&self) -> bool {
        self.age.is_empty() && self.others.is_empty()
    }

    /// Adds the identities of a file as `age-keygen` writes it (`SOPS_AGE_KEY_FILE`): one a line, `#` begins a comment.
    pub fn add_age(&mut self, text: &str) -> Result<(), KeyError> {
        self.add_lines(text, false)
    }

    /// Adds the identities of `SOPS_AGE_KEY`, where several may stand in one line.
    pub fn add_age_variable(&mut self, text: &str) -> Result<(), KeyError> {
        self.add_lines(text, true)
    }

    fn add_lines(&mut self, text: &str, words: bool) -> Result<(), KeyError> {
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if words {
                for word in line.split_whitespace() {
                    self.add_identity(word, at + 1)?;
                }
            } else {
                self.add_identity(line.trim_end(), at + 1)?;
            }
        }
        Ok(())
    }

    fn add_identity(&mut self, word: &str, line: usize) -> Result<(), KeyError> {
        for unsupported in ["AGE-PLUGIN-", "AGE-SECRET-KEY-PQ-1"] {
            if word.starts_with(unsupported) {
                return Err(KeyError::Plugin(unsupported.trim_end_matches(['-', '1']).to_owned()));
            }
        }
        let identity = age::x25519::Identity::from_str(word).map_err(|_| KeyError::Identity(line))?;
        self.age.push(Box::new(identity));
        Ok(())
    }

    /// Says whether the bytes of a file of identities are encrypted with a passphrase.
    pub fn is_encrypted(bytes: &[u8]) -> bool {
        bytes.starts_with(b"age-encryption") || bytes.starts_with(b"-----BEGIN AGE")
    }

    /// Adds the identities of a file that is encrypted with a passphrase.
    pub fn add_encrypted(&mut self, bytes: &[u8], passphrase: &SecretText) -> Result<(), KeyError> {
        let bytes = bytes.get(..bytes.len().min(MAX_IDENTITIES)).unwrap_or_default();
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(not_opened)?;
        let identity = scrypt(passphrase);
        let mut text = Zeroizing::new(String::new());
        let stream = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
        let stream = stream.map_err(|_| KeyError::Passphrase)?;
        stream.take(MAX_IDENTITIES as u64).read_to_string(&mut text).map_err(|_| KeyError::Passphrase)?;
        self.add_age(&text)
    }

    /// Adds a private key of SSH (Ed25519 or RSA), with its passphrase where it has one.
    pub fn add_ssh(&mut self, private_key: &str, passphrase: Option<&SecretText>) -> Result<(), KeyError> {
        let identity = age::ssh::Identity::from_buffer(private_key.as_bytes(), None)
            .map_err(|_| KeyError::Ssh("it is no private key of SSH"))?;
        match &identity {
            age::ssh::Identity::Unencrypted(_) => {}
            age::ssh::Identity::Encrypted(_) if passphrase.is_none() => return Err(KeyError::Passphrase),
            age::ssh::Identity::Encrypted(_) => {}
            age::ssh::Identity::Unsupported(_) => {
                return Err(KeyError::Ssh("only Ed25519 and RSA keys in OpenSSH's form are supported"));
            }
        }
        let passphrase = passphrase.map(|text| SecretString::from(text.expose().to_owned()));
        self.age.push(Box::new(identity.with_callbacks(Passphrase(passphrase))));
        Ok(())
    }

    /// Says whether a private key of SSH has a passphrase.
    pub fn ssh_wants_passphrase(private_key: &str) -> bool {
        matches!(age::ssh::Identity::from_buffer(private_key.as_bytes(), None), Ok(age::ssh::Identity::Encrypted(_)))
    }

    /// Adds a passphrase that opens data keys wrapped for one.
    pub fn add_passphrase(&mut self, passphrase: &SecretText) {
        self.age.push(Box::new(scrypt(passphrase)));
    }

    /// Adds a source of master keys that are not age's.
    pub fn add_source(&mut self, source: Box<dyn MasterKeys + Send + Sync>) {
        self.others.push(source);
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({} of age, {} sources)", self.age.len(), self.others.len())
    }
}

impl MasterKeys for Identities {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let mut failed = None;
        if key.kind == KeyKind::Age {
            match open(&self.age, &key.enc) {
                Ok(Some(part)) => return Ok(Some(part)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        for source in &self.others {
            match source.open(key) {
                Ok(Some(part)) => return Ok(Some(part)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

fn not_opened(error: age::DecryptError) -> KeyError {
    KeyError::Open(Box::new(error))
}

fn not_sealed(error: age::EncryptError) -> KeyError {
    KeyError::Seal(Box::new(error))
}

fn scrypt(passphrase: &SecretText) -> age::scrypt::Identity {
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.expose().to_owned()));
    identity.set_max_work_factor(MAX_WORK);
    identity
}

fn open(identities: &[BoxedIdentity], enc: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(enc.as_bytes())).map_err(not_opened)?;
    let dyns = identities.iter().map(|identity| identity.as_ref() as &dyn age::Identity);
    let stream = match decryptor.decrypt(dyns) {
        Ok(stream) => stream,
        Err(age::DecryptError::NoMatchingKeys) => return Ok(None),
        Err(age::DecryptError::KeyDecryptionFailed) => return Err(KeyError::Passphrase),
        Err(error) => return Err(not_opened(error)),
    };
    let mut part = Zeroizing::new(Vec::with_capacity(64));
    let read = stream.take(MAX_OPENED).read_to_end(&mut part);
    read.map_err(|error| not_opened(age::DecryptError::Io(error)))?;
    Ok(Some(part))
}

/// Encrypts for an age recipient; the result is armored.
pub fn wrap_age(recipient: &str, part: &[u8]) -> Result<String, KeyError> {
    let wrong = || KeyError::Recipient(recipient.chars().take(80).collect());
    let sealed = if let Ok(recipient) = age::x25519::Recipient::from_str(recipient) {
        age::encrypt_and_armor(&recipient, part)
    } else if recipient.starts_with("ssh-") {
        let recipient = age::ssh::Recipient::from_str(recipient).map_err(|_| wrong())?;
        age::encrypt_and_armor(&recipient, part)
    } else if recipient.starts_with("age1tag1") {
        let recipient = age::tag::Recipient::from_str(recipient).map_err(|_| wrong())?;
        age::encrypt_and_armor(&recipient, part)
    } else if recipient.starts_with("age1tagpq1") {
        let recipient = age::tagpq::Recipient::from_str(recipient).map_err(|_| wrong())?;
        age::encrypt_and_armor(&recipient, part)
    } else if recipient.starts_with("age1") && recipient.matches('1').count() > 1 {
        return Err(KeyError::Plugin(recipient.chars().take(12).collect()));
    } else {
        return Err(wrong());
    };
    sealed.map_err(not_sealed)
}

/// Wraps for the recipient [`PASSPHRASE_RECIPIENT`]; all else is left to others.
pub struct PassphraseRecipient<'o> {
    /// The passphrase.
    pub passphrase: SecretText,
    /// Who wraps for all other keys.
    pub others: &'o dyn WrapKeys,
}

impl WrapKeys for PassphraseRecipient<'_> {
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        if key.kind != KeyKind::Age || key.name() != PASSPHRASE_RECIPIENT {
            return self.others.wrap(key, part);
        }
        let passphrase = SecretString::from(self.passphrase.expose().to_owned());
        age::encrypt_and_armor(&age::scrypt::Recipient::new(passphrase), part).map_err(not_sealed)
    }
}

/// Gives a passphrase that was asked for beforehand.
#[derive(Clone)]
struct Passphrase(Option<SecretString>);

impl Callbacks for Passphrase {
    fn display_message(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        self.0.clone()
    }
}
