//! Layers laid over each other, later wins.
//!
//! Maps merge deeply, lists replace unless tagged, `null` takes away. Whoever loses is kept as
//! shadowed. Where a map holds a choice (`strategy: {canary: …}`) another choice of a later layer
//! takes the earlier one's place.

use super::{
    source::Label,
    value::{Data, Member, Members, Nulls, Value},
    yaml::{Document, Entry, MergeTag, NodeId, NodeKind, Scalar, ScalarKind},
};

/// Where in the tree special rules hold.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Rules for what is under a key.
    pub(crate) fields: &'static [(&'static str, Rule)],
    /// The rule for what is under any other key.
    pub(crate) any: Option<&'static Rule>,
    /// Keys of which one map has at most one.
    pub(crate) choices: &'static [&'static str],
}

impl Rule {
    /// Nothing special.
    pub(crate) const NONE: Rule = Rule { fields: &[], any: None, choices: &[] };

    fn under(&self, key: &str) -> &Rule {
        static NONE: Rule = Rule::NONE;
        let named = self.fields.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule);
        named.or(self.any).unwrap_or(&NONE)
    }
}

/// Returns the empty tree every layer is laid on.
pub(crate) fn ground(origin: Label) -> Value {
    Value::new(Data::Map(Members::new()), origin)
}

/// Lays a document over the tree, only the root keys that are to be kept.
pub(crate) fn lay(into: &mut Value, document: &Document, rule: &Rule, keep: impl Fn(&str) -> bool) {
    let root = document.node(document.root());
    let NodeKind::Map(entries) = &root.kind else { return };
    let Data::Map(map) = &mut into.data else { return };
    lay_entries(map, document, entries.iter().filter(|entry| keep(&entry.key)), rule);
}

/// Lays the entries of one map, sorted by key, over the members of another.
fn lay_entries<'d>(map: &mut Members, document: &Document, entries: impl Iterator<Item = &'d Entry>, rule: &Rule) {
    // What is new comes in at the end, all at once. It cannot meet a choice of the same layer before: none drives out
    // another of its own source.
    let mut new = Vec::new();
    let mut place = 0;
    for entry in entries {
        let chosen = rule.choices.contains(&entry.key.as_ref());
        if chosen {
            drop_other_choices(map, &entry.key, document.label(entry.key_span), rule);
        }
        // `strategy: {canary: }` chooses with every default rather than taking away.
        let bare = chosen && is_nothing(document, entry.value);
        match map.find_from(place, &entry.key) {
            Ok(found) => {
                place = found;
                let Some(member) = map.at_mut(found) else { continue };
                merge(&mut member.value, document, entry.value, rule.under(&entry.key));
                if bare {
                    member.value.data = Data::Map(Members::new());
                }
            }
            Err(near) => {
                place = near;
                let mut member = fresh_member(document, entry, rule);
                if bare {
                    member.value.data = Data::Map(Members::new());
                }
                new.push((entry.key.clone(), member));
            }
        }
    }
    map.add(new);
}

/// Makes the value of a node where no lower layer says anything.
fn fresh(document: &Document, id: NodeId, rule: &Rule) -> Value {
    let node = document.node(id);
    let NodeKind::Map(entries) = &node.kind else { return Value::of(document, id, Nulls::Remove) };
    if node.tag.as_deref() == Some(&MergeTag::Unset) {
        return Value::of(document, id, Nulls::Remove);
    }
    let mut map = Members::new();
    lay_entries(&mut map, document, entries.iter(), rule);
    Value::new(Data::Map(map), document.label(node.span))
}

fn fresh_member(document: &Document, entry: &Entry, rule: &Rule) -> Member {
    let mut value = fresh(document, entry.value, rule.under(&entry.key));
    if value.is_null() {
        value.data = Data::Removed;
    }
    Member { key: document.label(entry.key_span), value }
}

fn is_nothing(document: &Document, id: NodeId) -> bool {
    let node = document.node(id);
    node.tag.is_none() && matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.kind == ScalarKind::Null)
}

fn drop_other_choices(map: &mut Members, chosen: &str, by: Label, rule: &Rule) {
    for (key, member) in map.iter_mut() {
        // Two choices in one layer are a mistake for the schema to find, so only other sources lose.
        let other = rule.choices.contains(&key.as_ref()) && key.as_ref() != chosen;
        if other && !member.value.is_removed() && member.key.source != by.source {
            replace(&mut member.value, Value::new(Data::Removed, by));
        }
    }
}

/// Puts `new` in the place of the old, which is kept as shadowed.
pub(crate) fn replace(into: &mut Value, new: Value) {
    let mut old = std::mem::replace(into, new);
    let deeper = std::mem::take(&mut old.shadowed);
    // Rarely more than one is overruled, and there may be very many values.
    into.shadowed.reserve_exact(1 + deeper.len());
    into.shadowed.push(old);
    into.shadowed.extend(deeper);
}

fn merge(into: &mut Value, document: &Document, id: NodeId, rule: &Rule) {
    let node = document.node(id);
    let tag = node.tag.as_deref();
    match (&mut into.data, &node.kind, tag) {
        (Data::Map(map), NodeKind::Map(entries), None) => {
            lay_entries(map, document, entries.iter(), rule);
        }
        (Data::List(items), NodeKind::List(more), Some(MergeTag::Append)) => {
            let end = present(items);
            items.splice(end..end, more.iter().map(|id| Value::of(document, *id, Nulls::Remove)));
        }
        (Data::List(items), NodeKind::List(more), Some(MergeTag::Prepend)) => {
            items.splice(0..0, more.iter().map(|id| Value::of(document, *id, Nulls::Remove)));
        }
        (Data::List(items), NodeKind::List(more), Some(MergeTag::MergeBy(key))) => {
            for id in more {
                merge_item(items, document, *id, key);
            }
        }
        (_, NodeKind::Scalar(scalar), _) if *scalar == Scalar::NULL => {
            replace(into, Value::new(Data::Removed, document.label(node.span)));
        }
        (Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_), _, _) => {
            replace(into, fresh(document, id, rule));
        }
    }
}

/// Merges a map into the item with the same key, or appends it; `!unset` takes the item away.
fn merge_item(items: &mut Vec<Value>, document: &Document, id: NodeId, key: &str) {
    let node = document.node(id);
    let name = match &node.kind {
        NodeKind::Map(entries) => entries.iter().find(|entry| entry.key.as_ref() == key).map(|entry| entry.value),
        NodeKind::Scalar(_) | NodeKind::List(_) => None,
    };
    let same = |item: &Value| match (item.get(key).map(|value| &value.data), name.map(|id| &document.node(id).kind)) {
        (Some(Data::Scalar(old)), Some(NodeKind::Scalar(new))) => old.text() == new.text(),
        _ => false,
    };
    match items.iter().position(same) {
        Some(place) if node.tag.as_deref() == Some(&MergeTag::Unset) => {
            // What was taken away is remembered behind the items that are there, so that they keep their numbers.
            let mut item = items.remove(place);
            replace(&mut item, Value::new(Data::Removed, document.label(node.span)));
            items.push(item);
        }
        Some(place) => {
            if let Some(item) = items.get_mut(place) {
                merge(item, document, id, &Rule::NONE);
            }
        }
        None if node.tag.as_deref() == Some(&MergeTag::Unset) => {}
        None => items.insert(present(items), Value::of(document, id, Nulls::Remove)),
    }
}

/// Returns how many items are there; behind them stand those that were taken away.
fn present(items: &[Value]) -> usize {
    items.iter().rposition(|item| !item.is_removed()).map_or(0, |last| last + 1)
}

/// Lays defaults under the tree: they fill what is absent and are shadowed by what is there.
pub(crate) fn fill(into: &mut Value, document: &Document, id: NodeId) {
    let default = || Value::of(document, id, Nulls::Keep);
    match (&mut into.data, &document.node(id).kind) {
        (Data::Map(map), NodeKind::Map(entries)) => {
            let mut new = Vec::new();
            for entry in entries {
                if let Some(member) = map.get_mut(&entry.key) {
                    fill(&mut member.value, document, entry.value);
                } else {
                    let value = Value::of(document, entry.value, Nulls::Keep);
                    new.push((entry.key.clone(), Member { key: document.label(entry.key_span), value }));
                }
            }
            map.add(new);
        }
        (Data::Removed, _) => replace(into, default()),
        (Data::Scalar(_) | Data::List(_) | Data::Map(_), _) => into.shadowed.push(default()),
    }
}

#[cfg(test)]
mod tests;
