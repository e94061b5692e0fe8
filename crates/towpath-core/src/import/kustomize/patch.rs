//! Strategic-merge patches, as far as their meaning is in the patch
//! (<https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>):
//! maps merge, `null` and `$patch: delete` take away, `$patch: replace` replaces, lists of things with a `name` merge by
//! it, ports by `containerPort`, other lists replace.

use crate::import::node::{Node, Shape};

/// Says whether the patch takes the whole object away.
pub(super) fn deletes(patch: &Node) -> bool {
    patch.text_at(&["$patch"]).as_deref() == Some("delete")
}

/// Lays a patch over an object.
pub(super) fn merge(into: &mut Node, patch: &Node) {
    if patch.text_at(&["$patch"]).as_deref() == Some("replace") {
        *into = patch.clone();
        remove(into, "$patch");
        return;
    }
    match (&mut into.shape, &patch.shape) {
        (Shape::Map(entries), Shape::Map(more)) => {
            for (key, node) in more {
                let old = entries.iter().position(|(name, _)| name == key);
                match old {
                    Some(place) if node.is_null() || deletes(node) => {
                        entries.remove(place);
                    }
                    Some(place) => {
                        if let Some((_, old)) = entries.get_mut(place) {
                            merge(old, node);
                        }
                    }
                    None if node.is_null() => {}
                    None => entries.push((key.clone(), node.clone())),
                }
            }
        }
        (Shape::List(items), Shape::List(more)) => match merge_key(more).filter(|_| merge_key(items).is_some()) {
            Some(key) => merge_items(items, more, key),
            None => items.clone_from(more),
        },
        _ => *into = patch.clone(),
    }
}

fn merge_key(items: &[Node]) -> Option<&'static str> {
    let all = |key: &str| !items.is_empty() && items.iter().all(|item| item.get(key).is_some());
    if all("containerPort") {
        Some("containerPort")
    } else if all("name") {
        Some("name")
    } else {
        None
    }
}

fn merge_items(items: &mut Vec<Node>, more: &[Node], key: &str) {
    for one in more {
        let wanted = one.text_at(&[key]);
        match items.iter().position(|item| item.text_at(&[key]) == wanted) {
            Some(place) if deletes(one) => {
                items.remove(place);
            }
            Some(place) => {
                if let Some(item) = items.get_mut(place) {
                    merge(item, one);
                    // The line of what changed is the one people look for.
                    item.path = one.path.clone();
                    item.line = one.line;
                }
            }
            None if deletes(one) => {}
            None => items.push(one.clone()),
        }
    }
}

fn remove(node: &mut Node, key: &str) {
    if let Shape::Map(entries) = &mut node.shape {
        entries.retain(|(name, _)| name != key);
    }
}

/// Puts a value under a key.
pub(super) fn set(node: &mut Node, key: &str, value: Node) {
    if let Shape::Map(entries) = &mut node.shape {
        entries.retain(|(name, _)| name != key);
        entries.push((key.to_owned(), value));
    }
}

/// Visits every container of a workload.
pub(super) fn containers(object: &mut Node, visit: &mut impl FnMut(&mut Node)) {
    let mut node = object;
    for wanted in ["spec", "template", "spec", "containers"] {
        let Shape::Map(entries) = &mut node.shape else { return };
        let Some((_, next)) = entries.iter_mut().find(|(key, _)| key == wanted) else { return };
        node = next;
    }
    if let Shape::List(items) = &mut node.shape {
        items.iter_mut().for_each(visit);
    }
}

/// Gives a node and all below it this line.
pub(super) fn place_at(node: &mut Node, line: u32) {
    node.line = line;
    match &mut node.shape {
        Shape::List(items) => items.iter_mut().for_each(|item| place_at(item, line)),
        Shape::Map(entries) => entries.iter_mut().for_each(|(_, node)| place_at(node, line)),
        Shape::Null | Shape::Text(_) | Shape::Bool(_) | Shape::Number(_) => {}
    }
}
