//! Metadata as a tree, whatever the format of the file.

use super::{KeyGroup, KeyKind, MasterKey, Metadata, VERSION};
use crate::sops::{
    Value,
    tree::{Block, Node},
};

/// A part of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meta {
    Null,
    Text(String),
    Number(i64),
    Bool(bool),
    List(Vec<Meta>),
    Map(Vec<(String, Meta)>),
}

impl Meta {
    pub(crate) fn of_block(block: &Block) -> Self {
        Self::Map(block.pairs().map(|pair| (pair.key.clone(), Self::of_node(&pair.value))).collect())
    }

    fn of_node(node: &Node) -> Self {
        match node {
            Node::Map(block) => Self::of_block(block),
            Node::List(block) => Self::List(block.elements().map(Self::of_node).collect()),
            Node::Leaf(leaf) => match &leaf.value {
                Value::Null => Self::Null,
                Value::Int(number) => Self::Number(*number),
                Value::Bool(value) => Self::Bool(*value),
                value => Self::Text(String::from_utf8_lossy(&value.plain()).into_owned()),
            },
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Number(_) | Self::Bool(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::Null | Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::List(_) => None,
        }
    }

    /// Returns metadata as they are written: keys in the order of the alphabet, as sops writes them.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let mut entries = match metadata.groups.as_slice() {
            [group] => group_entries(group),
            groups => {
                let groups = groups.iter().map(|group| Self::Map(group_entries(group))).collect();
                vec![("key_groups".to_owned(), Self::List(groups))]
            }
        };
        let mut add = |name: &str, value: Self| entries.push((name.to_owned(), value));
        if let (Some(threshold), true) = (metadata.threshold, metadata.groups.len() > 1) {
            add("shamir_threshold", Self::Number(i64::try_from(threshold).unwrap_or(i64::MAX)));
        }
        add("lastmodified", Self::Text(metadata.last_modified.clone()));
        add("mac", Self::Text(metadata.mac.clone()));
        if !metadata.selection.value().is_empty() {
            add(metadata.selection.name(), Self::Text(metadata.selection.value().to_owned()));
        }
        if metadata.mac_only_encrypted {
            add("mac_only_encrypted", Self::Bool(true));
        }
        add("version", Self::Text(metadata.version.clone().unwrap_or_else(|| VERSION.to_owned())));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Map(entries)
    }
}

fn group_entries(group: &KeyGroup) -> Vec<(String, Meta)> {
    let list =
        |kind: KeyKind| -> Vec<Meta> { group.keys.iter().filter(|key| key.kind == kind).map(key_entries).collect() };
    let mut lists: Vec<(String, Meta)> = KeyKind::ALL
        .into_iter()
        .map(|kind| (kind.name().to_owned(), list(kind)))
        .filter(|(_, keys)| !keys.is_empty())
        .map(|(name, keys)| (name, Meta::List(keys)))
        .collect();
    lists.sort_by(|a, b| a.0.cmp(&b.0));
    lists
}

fn key_entries(key: &MasterKey) -> Meta {
    let mut entries = key.fields.clone();
    entries.push(("enc".to_owned(), Meta::Text(key.enc.clone())));
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Meta::Map(entries)
}
