//! What a file says about its own encryption: who can decrypt it, what is encrypted, the MAC.
//!
//! Keys of services that cannot be used here are kept as they are, field by field.

use super::Selection;

mod flat;
mod meta;
mod read;

pub(crate) use flat::{flatten, unflatten};
pub(crate) use meta::Meta;

/// The version of sops whose format is written.
pub const VERSION: &str = "3.13.2";

/// The metadata of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Those who can decrypt: one of each group, of as many groups as the threshold says.
    pub groups: Vec<KeyGroup>,
    /// How many groups are needed, where there are several.
    pub threshold: Option<usize>,
    /// When it was encrypted last, in RFC 3339.
    pub last_modified: String,
    /// The MAC, encrypted.
    pub(crate) mac: String,
    /// Which values are encrypted.
    pub selection: Selection,
    /// Whether the MAC is over encrypted values only.
    pub mac_only_encrypted: bool,
    /// The version of sops that wrote it; some writers leave it out.
    pub version: Option<String>,
}

/// Keys each of which opens the same part of the data key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyGroup {
    /// The keys.
    pub keys: Vec<MasterKey>,
}

/// Who holds a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Amazon's KMS.
    Kms,
    /// Google's KMS.
    GcpKms,
    /// Huawei's KMS.
    HcKms,
    /// Azure's Key Vault.
    AzureKv,
    /// The transit engine of HashiCorp Vault or OpenBao.
    HcVault,
    /// An age recipient.
    Age,
    /// An OpenPGP key.
    Pgp,
}

impl KeyKind {
    /// All kinds, in the order sops keeps them in a group.
    pub const ALL: [Self; 7] =
        [Self::Kms, Self::GcpKms, Self::HcKms, Self::AzureKv, Self::HcVault, Self::Pgp, Self::Age];

    /// Returns the name of the list the keys of this kind stand in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::HcKms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
            Self::Age => "age",
            Self::Pgp => "pgp",
        }
    }

    /// Returns the field by which a person tells keys of this kind apart.
    fn main_field(self) -> &'static str {
        match self {
            Self::Kms => "arn",
            Self::GcpKms => "resource_id",
            Self::HcKms => "key_id",
            Self::AzureKv => "name",
            Self::HcVault => "key_name",
            Self::Age => "recipient",
            Self::Pgp => "fp",
        }
    }
}

/// One who can decrypt: which key, and what it opens.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterKey {
    /// Who holds it.
    pub kind: KeyKind,
    /// All but `enc`, as written.
    pub(crate) fields: Vec<(String, Meta)>,
    /// The data key, or a group's part of it, encrypted; empty until then.
    pub enc: String,
}

impl MasterKey {
    fn new(kind: KeyKind, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Meta::Text((*value).to_owned()))).collect();
        Self { kind, fields, enc: String::new() }
    }

    /// Returns an age recipient: `age1…`, or a public key of SSH.
    pub fn age(recipient: &str) -> Self {
        Self::new(KeyKind::Age, &[("recipient", recipient.trim())])
    }

    /// Returns an OpenPGP key by its fingerprint.
    pub fn pgp(fingerprint: &str) -> Self {
        Self::new(KeyKind::Pgp, &[("fp", fingerprint.replace(' ', "").as_str())])
    }

    /// Returns a key of a transit engine.
    pub fn hc_vault(address: &str, engine_path: &str, key_name: &str) -> Self {
        let fields = [("vault_address", address), ("engine_path", engine_path), ("key_name", key_name)];
        Self::new(KeyKind::HcVault, &fields)
    }

    /// Returns a key of another service by its fields, named as in the metadata (`arn`, `role`, `resource_id`, …).
    pub fn other(kind: KeyKind, fields: &[(&str, &str)]) -> Self {
        Self::new(kind, fields)
    }

    /// Returns a field by its name in the metadata, such as `recipient` or `vault_address`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).and_then(|(_, value)| value.as_text())
    }

    /// Returns the time the data key was encrypted for it, where its kind has one.
    pub fn created_at(&self) -> Option<&str> {
        self.field("created_at")
    }

    /// Returns what a person knows the key by.
    pub fn name(&self) -> &str {
        self.field(self.kind.main_field()).unwrap_or_default()
    }

    /// Says whether two entries mean the same key, whatever they hold.
    pub fn is_same(&self, other: &Self) -> bool {
        let own = |key: &Self| -> Vec<(String, Meta)> {
            let mut fields: Vec<_> =
                key.fields.iter().filter(|(name, _)| name != "created_at" && name != "enc").cloned().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields
        };
        self.kind == other.kind && own(self) == own(other)
    }

    /// Takes over what the key opens, and since when.
    pub(crate) fn sealed(mut self, enc: String, now: &str) -> Self {
        self.enc = enc;
        self.fields.retain(|(name, _)| name != "created_at");
        if self.kind != KeyKind::Age {
            self.fields.push(("created_at".to_owned(), Meta::Text(now.to_owned())));
        }
        self
    }
}

impl Metadata {
    /// Returns all master keys.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.groups.iter().flat_map(|group| &group.keys)
    }

    /// Returns how many groups must be opened.
    pub fn needed(&self) -> usize {
        match self.groups.len() {
            0 | 1 => 1,
            groups => self.threshold.filter(|threshold| *threshold > 0).unwrap_or(groups),
        }
    }
}
