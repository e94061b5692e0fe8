//! From the tree to flags, with every mistake in them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use serde_json::{Map, Value as Json};

use super::{
    FlagTree, across, exact,
    files::Changed,
    model::{FlagFile, MetadataFile, variant_hint},
    results::{Results, SegmentResults},
    rules::{Rules, literal},
};
use crate::{
    config::{
        diagnostic::Diagnostic,
        read::{Key as _, Read as _, Reader, Step},
        source::Label,
        value::{Data, Member, Value},
        yaml::shorten,
    },
    flags::{FlagDefinition, FlagDocument, FlagKey, FlagNotes, FlagState},
};

/// Which flags are looked at.
#[derive(Debug)]
pub(super) struct Scope {
    changed: Option<(Changed, bool)>,
}

impl Scope {
    /// Every one.
    pub(super) fn all() -> Self {
        Self { changed: None }
    }

    /// Only those that an environment changes, and all if it changes segments.
    pub(super) fn changed(changed: (Changed, bool)) -> Self {
        Self { changed: Some(changed) }
    }

    fn has(&self, key: &str) -> bool {
        self.changed.as_ref().is_none_or(|(flags, segments)| *segments || flags.contains_key(key))
    }

    fn has_segments(&self) -> bool {
        self.changed.as_ref().is_none_or(|(_, segments)| *segments)
    }

    fn at(&self, key: &str) -> Option<Label> {
        self.changed.as_ref()?.0.get(key).copied()
    }
}

/// Returns the flags of a tree that are in the scope, and what is wrong with them.
pub(super) fn document(tree: &FlagTree, scope: &Scope) -> (FlagDocument, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    let mut flags = BTreeMap::new();
    let mut segments = SegmentResults::new(&tree.evaluators);
    if scope.has_segments() {
        for (name, member) in &tree.evaluators {
            segment(name, member, tree, &mut reader);
        }
        reader.diagnostics.extend(across::segments(&tree.evaluators));
    }
    for (key, member) in tree.flags.iter().filter(|(key, _)| scope.has(key)) {
        let before = reader.diagnostics.len();
        match FlagKey::key(key) {
            Ok(name) => drop(flags.insert(name, flag(key, member, tree, (&mut segments, &mut reader)))),
            Err((why, help)) => reader.push(Diagnostic::error("flags::key", member.key, why).help(help)),
        }
        // A mistake may show in the definition, though the environment made it one.
        if let Some(at) = scope.at(key) {
            for one in reader.diagnostics.iter_mut().skip(before) {
                if one.primary.is_some_and(|primary| primary.source != at.source) {
                    one.related.push((at, "the environment changes the flag here".to_owned()));
                }
            }
        }
    }
    reader.diagnostics.extend(across::prerequisites(tree));
    let metadata = metadata(tree, &mut reader);
    let evaluators = tree.evaluators.iter().map(|(name, member)| (name.to_string(), exact::json(&member.value)));
    (FlagDocument { flags, evaluators: evaluators.collect(), metadata }, reader.diagnostics)
}

fn segment(name: &str, member: &Member, tree: &FlagTree, reader: &mut Reader) {
    if reader.has_enough() {
        return;
    }
    let value = &member.value;
    if value.is_null() || matches!(value.data, Data::List(_)) {
        let message = format!("the segment `{}` must be a rule", shorten(name));
        let help = "write one such as `{in: [{var: country}, [de, at]]}`";
        reader.push(Diagnostic::error("flags::segment", value.origin, message).help(help));
        return;
    }
    let mut rules =
        Rules { owner: format!("segment `{}`", shorten(name)), segments: &tree.evaluators, found: Vec::new() };
    rules.check(value);
    reader.diagnostics.append(&mut rules.found);
}

fn metadata(tree: &FlagTree, reader: &mut Reader) -> Map<String, Json> {
    let mut whole = Map::new();
    for (name, member) in &tree.metadata {
        let value = Value::new(Data::Map(std::iter::once((name.clone(), member.clone())).collect()), member.key);
        let read = reader.under(Step::Field("metadata"), |reader| MetadataFile::read(&value, reader));
        whole.extend(read.map(|read| read.0).unwrap_or_default());
        if name.as_ref() == "flagSetId" {
            let message = "`flagSetId` is the name of the environment, whatever is written here";
            let warning = Diagnostic::warning("flags::metadata", member.key, message);
            reader.push(warning.help("leave it out"));
        }
    }
    whole
}

fn flag(
    key: &Arc<str>,
    member: &Member,
    tree: &FlagTree,
    (segments, reader): (&mut SegmentResults<'_>, &mut Reader),
) -> FlagDefinition {
    let value = &member.value;
    // What was written is kept even if it is wrong: evaluating says so again, of this flag alone.
    let kept = || as_written(value);
    if reader.has_enough() {
        return kept();
    }
    let steps = [Step::Field("flags"), Step::Key(key.clone())];
    reader.steps.extend(steps);
    let read = FlagFile::read(value, reader);
    reader.steps.clear();
    let owner = format!("flag `{}`", shorten(key));
    if let Some(rule) = value.get("targeting").filter(|rule| rule.as_map().is_some()) {
        let mut rules = Rules { owner: owner.clone(), segments: &tree.evaluators, found: Vec::new() };
        rules.check(rule);
        reader.diagnostics.append(&mut rules.found);
    }
    let Some(read) = read else { return kept() };
    let variants: Vec<&str> = read.variants.0.keys().map(String::as_str).collect();
    if let (Some(default), Some(at)) = (&read.default_variant, value.get("defaultVariant"))
        && !variants.contains(&default.as_str())
    {
        let message = format!("{owner}: the default variant `{}` is none of its variants", shorten(default));
        let error = Diagnostic::error("flags::variant", at.origin, message);
        reader.push(error.help(variant_hint(default, &variants)));
    }
    if let Some(rule) = value.get("targeting").filter(|rule| rule.as_map().is_some_and(|map| !map.is_empty())) {
        yields(rule, &owner, &variants, (segments, reader));
    }
    FlagDefinition {
        state: read.state.into(),
        variants: read.variants.0,
        default_variant: read.default_variant,
        targeting: targeting(value),
        metadata: read.metadata.0,
        towpath: read.towpath.map(FlagNotes::from).unwrap_or_default(),
    }
}

/// Returns the rule: `null` is one, absence is none.
fn targeting(flag: &Value) -> Option<Json> {
    flag.get("targeting").map(exact::json)
}

/// Complains of what a rule yields and is no variant.
fn yields(rule: &Value, owner: &str, variants: &[&str], (segments, reader): (&mut SegmentResults<'_>, &mut Reader)) {
    let own = Results::of(rule);
    for (name, at, _) in own.names.iter().filter(|(name, _, _)| !variants.contains(&name.as_ref())) {
        let message = format!("{owner}: the rule yields `{}`, which is none of its variants", shorten(name));
        reader.push(Diagnostic::error("flags::variant", *at, message).help(variant_hint(name, variants)));
    }
    let truths = ["true", "false"].into_iter().all(|word| variants.contains(&word));
    let help = "say which variant: `{if: [CONDITION, on, off]}`, or name the variants `true` and `false`";
    for at in own.truths.iter().filter(|_| !truths) {
        let message = format!("{owner}: the rule yields `true` or `false`, and there are no such variants");
        reader.push(Diagnostic::error("flags::variant", *at, message).help(help));
    }
    for at in &own.lists {
        let message = format!("{owner}: the rule yields a list, which names no variant");
        let help = format!("yield one of `{}`", variants.join("`, `"));
        reader.push(Diagnostic::error("flags::variant", *at, message).help(help));
    }
    for (segment, at, results) in segments.reached(&own) {
        let name = results.names.iter().map(|(name, _, _)| name.as_ref()).find(|name| !variants.contains(name));
        let wrong = name.or_else(|| (!results.truths.is_empty() && !truths).then_some("true"));
        if let Some(name) = wrong {
            let message =
                format!("{owner}: the segment `{segment}` yields `{}`, which is none of its variants", shorten(name));
            reader.push(Diagnostic::error("flags::variant", at, message).help(help));
        }
        if reader.has_enough() {
            return;
        }
    }
}

/// Returns as much of a flag as can be kept.
fn as_written(value: &Value) -> FlagDefinition {
    let state = match value.get("state").and_then(literal) {
        Some("DISABLED") => FlagState::Disabled,
        Some(_) | None => FlagState::Enabled,
    };
    let object = |name: &str| match value.get(name).map(exact::json) {
        Some(Json::Object(map)) => map,
        Some(_) | None => Map::new(),
    };
    FlagDefinition {
        state,
        variants: object("variants"),
        default_variant: value.get("defaultVariant").and_then(literal).map(str::to_owned),
        targeting: targeting(value),
        metadata: object("metadata"),
        towpath: serde_json::from_value(Json::Object(object("towpath"))).unwrap_or_default(),
    }
}

/// Returns a warning if the day of a flag has come.
pub(super) fn expired(key: &str, flag: &Value, today: Date) -> Option<Diagnostic> {
    let expires = flag.get("towpath")?.get("expires")?;
    let day: Date = literal(expires)?.parse().ok()?;
    if day >= today {
        return None;
    }
    let owner = flag.get("towpath")?.get("owner").and_then(literal);
    let who = owner.map_or_else(String::new, |owner| format!("; `{owner}` answers for it"));
    let message = format!("flag `{}` should be gone since {day}{who}", shorten(key));
    let help = "take it out of the code and out of `flags/`, or give it a later day";
    Some(Diagnostic::warning("flags::expired", expires.origin, message).help(help))
}
