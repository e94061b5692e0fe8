//! Metadata in formats that know no nesting: `age__list_0__map_recipient`.

use std::collections::BTreeMap;

use super::Meta;

const MAP: &str = "__map_";
const LIST: &str = "__list_";
/// How deep a name may nest: that of real ones is four.
const MAX_STEPS: usize = 16;

/// Returns the entries of a map, each under one name.
pub(crate) fn flatten(meta: &Meta) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Meta::Map(entries) = meta {
        for (name, value) in entries {
            descend(name.clone(), value, &mut out);
        }
    }
    out
}

fn descend(name: String, meta: &Meta, out: &mut Vec<(String, String)>) {
    match meta {
        Meta::Map(entries) => {
            for (key, value) in entries {
                descend(format!("{name}{MAP}{key}"), value, out);
            }
        }
        Meta::List(items) => {
            for (index, value) in items.iter().enumerate() {
                descend(format!("{name}{LIST}{index}"), value, out);
            }
        }
        Meta::Null => {}
        Meta::Text(text) => out.push((name, text.clone())),
        Meta::Number(number) => out.push((name, number.to_string())),
        Meta::Bool(value) => out.push((name, value.to_string())),
    }
}

#[derive(Default)]
struct Place {
    value: Option<String>,
    keys: BTreeMap<String, Place>,
    items: BTreeMap<usize, Place>,
}

/// Puts flat entries together again; what does not fit is said in words.
pub(crate) fn unflatten<'e>(entries: impl Iterator<Item = (&'e str, &'e str)>) -> Result<Meta, String> {
    let mut root = Place::default();
    for (name, value) in entries {
        let mut at = &mut root;
        for step in steps(name)? {
            at = match step {
                Step::Key(key) => at.keys.entry(key.to_owned()).or_default(),
                Step::Item(index) => at.items.entry(index).or_default(),
            };
        }
        if at.value.replace(value.to_owned()).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    build(root)
}

enum Step<'n> {
    Key(&'n str),
    Item(usize),
}

fn steps(name: &str) -> Result<Vec<Step<'_>>, String> {
    let wrong = || format!("`{name}` is no name of metadata");
    let mut rest = name;
    let end = |text: &str| [text.find(MAP), text.find(LIST)].into_iter().flatten().min().unwrap_or(text.len());
    let mut steps = Vec::new();
    let (first, after) = rest.split_at(end(rest));
    steps.push(Step::Key(first));
    rest = after;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix(MAP) {
            let (key, after) = inner.split_at(end(inner));
            steps.push(Step::Key(key));
            rest = after;
        } else {
            let inner = rest.strip_prefix(LIST).ok_or_else(wrong)?;
            let (index, after) = inner.split_at(end(inner));
            steps.push(Step::Item(index.parse().map_err(|_| wrong())?));
            rest = after;
        }
        if steps.len() > MAX_STEPS {
            return Err(wrong());
        }
    }
    Ok(steps)
}

fn build(place: Place) -> Result<Meta, String> {
    match (place.value, place.keys.is_empty(), place.items.is_empty()) {
        (Some(value), true, true) => Ok(Meta::Text(value)),
        (None, _, true) => {
            let entries = place.keys.into_iter().map(|(key, place)| Ok((key, build(place)?)));
            entries.collect::<Result<_, String>>().map(Meta::Map)
        }
        (None, true, false) => {
            if place.items.keys().copied().ne(0..place.items.len()) {
                return Err("a list has gaps".to_owned());
            }
            place.items.into_values().map(build).collect::<Result<_, String>>().map(Meta::List)
        }
        _ => Err("a name is used for a value and for what is under it".to_owned()),
    }
}
