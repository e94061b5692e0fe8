//! The merged tree: values that remember who set them and whom they overruled.

use super::{
    source::Label,
    yaml::{Document, MergeTag, NodeId, NodeKind, Scalar},
};

mod members;
mod path;

pub use members::Members;
pub use path::{Path, PathError, Segment};

/// A value of the merged tree with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Who set it.
    pub origin: Label,
    /// What lower layers said, the nearest first.
    pub shadowed: Vec<Value>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Taken away by `null` or `!unset`.
    Removed,
    /// A text, a number, a truth value or nothing.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key.
    Map(Members),
}

/// A key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Where the key stands.
    pub key: Label,
    /// The value.
    pub value: Value,
}

/// What `null` means for the value that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Nothing, as in a document that is not merged.
    Keep,
    /// The key is taken away.
    Remove,
}

impl Value {
    /// Returns a value nobody overruled.
    pub(crate) fn new(data: Data, origin: Label) -> Self {
        Self { data, origin, shadowed: Vec::new() }
    }

    /// Returns the value of a node and all below it.
    pub(crate) fn of(document: &Document, id: NodeId, nulls: Nulls) -> Self {
        let node = document.node(id);
        let origin = document.label(node.span);
        if node.tag.as_deref() == Some(&MergeTag::Unset) {
            return Self::new(Data::Removed, origin);
        }
        let data = match &node.kind {
            NodeKind::Scalar(scalar) => Data::Scalar(scalar.clone()),
            NodeKind::List(items) => {
                // Nothing is there yet that an item could take away.
                let there = items.iter().filter(|id| document.node(**id).tag.as_deref() != Some(&MergeTag::Unset));
                Data::List(there.map(|id| Self::of(document, *id, nulls)).collect())
            }
            NodeKind::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|entry| {
                        let mut value = Self::of(document, entry.value, nulls);
                        if nulls == Nulls::Remove && value.is_null() {
                            value.data = Data::Removed;
                        }
                        (entry.key.clone(), Member { key: document.label(entry.key_span), value })
                    })
                    .collect(),
            ),
        };
        Self::new(data, origin)
    }

    /// Returns the map at the root with these keys only; empty if the root is no map.
    pub(crate) fn head_of(document: &Document, keys: &[&str]) -> Self {
        let root = document.node(document.root());
        let entries = if let NodeKind::Map(entries) = &root.kind { entries.as_slice() } else { &[] };
        let head = entries.iter().filter(|entry| keys.contains(&entry.key.as_ref())).map(|entry| {
            let value = Self::of(document, entry.value, Nulls::Keep);
            (entry.key.clone(), Member { key: document.label(entry.key_span), value })
        });
        Self::new(Data::Map(head.collect()), document.label(root.span))
    }

    /// Says whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if *scalar == Scalar::NULL)
    }

    /// Says whether it was taken away.
    pub fn is_removed(&self) -> bool {
        self.data == Data::Removed
    }

    /// Returns the map, if it is one.
    pub fn as_map(&self) -> Option<&Members> {
        match &self.data {
            Data::Map(map) => Some(map),
            Data::Removed | Data::Scalar(_) | Data::List(_) => None,
        }
    }

    /// Returns the value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|member| &member.value).filter(|value| !value.is_removed())
    }

    /// Returns the value at a path, also one that was taken away.
    pub fn at(&self, path: &Path) -> Option<&Self> {
        path.segments().iter().try_fold(self, |value, segment| match (segment, &value.data) {
            (Segment::Key(key), Data::Map(map)) => map.get(key.as_str()).map(|member| &member.value),
            (Segment::Index(index), Data::List(items)) => items.get(*index),
            (Segment::Key(_) | Segment::Index(_), Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_)) => {
                None
            }
        })
    }

    /// Visits every leaf: scalars, empty lists and maps, and what was taken away.
    pub fn leaves<'a>(&'a self, visit: &mut impl FnMut(&Path, &'a Self)) {
        self.walk(&mut Path::default(), visit);
    }

    fn walk<'a>(&'a self, path: &mut Path, visit: &mut impl FnMut(&Path, &'a Self)) {
        match &self.data {
            Data::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Segment::Index(index));
                    item.walk(path, visit);
                    path.pop();
                }
            }
            Data::Map(map) if !map.is_empty() => {
                for (key, member) in map {
                    path.push(Segment::Key(key.to_string()));
                    member.value.walk(path, visit);
                    path.pop();
                }
            }
            Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_) => visit(path, self),
        }
    }

    /// Returns the value as JSON; what was taken away is left out.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Removed => serde_json::Value::Null,
            Data::Scalar(scalar) => scalar_json(scalar),
            Data::List(items) => items.iter().filter(|item| !item.is_removed()).map(Self::to_json).collect(),
            Data::Map(map) => map
                .iter()
                .filter(|(_, member)| !member.value.is_removed())
                .map(|(key, member)| (key.to_string(), member.value.to_json()))
                .collect(),
        }
    }
}

fn scalar_json(scalar: &Scalar) -> serde_json::Value {
    use super::yaml::ScalarKind;
    let text = || serde_json::Value::from(scalar.text());
    match scalar.kind {
        ScalarKind::Null => serde_json::Value::Null,
        ScalarKind::Bool => scalar.as_bool().map_or_else(text, Into::into),
        ScalarKind::Int => scalar.as_int().map_or_else(text, Into::into),
        ScalarKind::Float => scalar.as_float().filter(|float| float.is_finite()).map_or_else(text, Into::into),
        ScalarKind::Text | ScalarKind::Replaced => text(),
    }
}
