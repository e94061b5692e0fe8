//! Working out what somebody asks for: which live changes make the flags what they are to be, and whether they work then.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::FlagChange;
use crate::{
    config::{Diagnostic, check_flags, nearest},
    flags::{
        FlagDefinition, FlagDifference, FlagDocument, FlagKey, FlagPatch, FlagState, FlagTarget, LiveFlags, Percent,
        diff::members, differences, with_percentage,
    },
    ids::{Digest, EnvironmentName},
    refusal::{Refusal, RefusalCode},
};

/// What somebody asks for of one flag or segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagEdit {
    /// Switches a flag on or off.
    State(FlagKey, FlagState),
    /// Gives a flag another default variant.
    Default(FlagKey, String),
    /// Gives a variant to a part of everybody that no rule catches.
    Percentage(FlagKey, Option<String>, Percent),
    /// Gives a flag another targeting, or none.
    Targeting(FlagKey, Option<Value>),
    /// Changes any properties of a flag.
    Patch(FlagKey, FlagPatch),
    /// Makes a flag what it is elsewhere.
    Same(FlagKey, Box<FlagDefinition>),
    /// Gives a segment another rule.
    Segment(String, Value),
    /// Leaves a flag or segment to the files again.
    Reset(FlagTarget),
}

/// What an edit leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkedOut {
    /// The live changes; none when everything is as asked already.
    pub changes: Vec<FlagChange>,
    /// How the flags differ: left before, right after.
    pub differences: Vec<FlagDifference>,
    /// The same for people, a line for each property.
    pub words: Vec<String>,
    /// The checksum of what is done to the flags as they are.
    pub plan: Digest,
    /// The flags after it.
    pub document: FlagDocument,
}

/// Works out edits of the flags of an environment, in their order, or says why they cannot be made. `definitions` is what the
/// files say.
pub fn work_out(
    environment: &EnvironmentName,
    definitions: &FlagDocument,
    live: &LiveFlags,
    edits: &[FlagEdit],
) -> Result<WorkedOut, Refusal> {
    let mut bench = Bench { environment, definitions, live: overlay_of(live) };
    let mut targets = Vec::new();
    for edit in edits {
        let target = edit.target();
        bench.edit(edit)?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let change = |target: FlagTarget| FlagChange { live: bench.live.live(&target), target };
    let changes: Vec<FlagChange> = targets.into_iter().map(change).collect();
    judge(environment, definitions, live, changes)
}

/// Judges live changes as they are: says how the flags differ by them, or why they would not work. What is wrong already stops
/// nobody, and switching off is never stopped.
pub fn judge(
    environment: &EnvironmentName,
    definitions: &FlagDocument,
    live: &LiveFlags,
    mut changes: Vec<FlagChange>,
) -> Result<WorkedOut, Refusal> {
    changes.retain(|change| live.live(&change.target) != change.live);
    let mut after = overlay_of(live);
    for change in &changes {
        after.lay(change);
        fits(definitions, &after, &change.target)?;
    }
    let (before, after) = (live.over(definitions), after.over(definitions));
    let differences = differences(&before, &after);
    if !differences.iter().all(FlagDifference::only_switches_off) {
        sound(environment, &before, &after, &changes)?;
    }
    let words = differences.iter().flat_map(FlagDifference::lines).collect();
    let plan = plan(environment, &before, &after, &changes);
    Ok(WorkedOut { changes, differences, words, plan, document: after })
}

impl FlagEdit {
    /// Returns what it is about.
    pub fn target(&self) -> FlagTarget {
        match self {
            Self::State(key, _)
            | Self::Default(key, _)
            | Self::Percentage(key, _, _)
            | Self::Targeting(key, _)
            | Self::Patch(key, _)
            | Self::Same(key, _) => FlagTarget::Flag(key.clone()),
            Self::Segment(name, _) => FlagTarget::Segment(name.clone()),
            Self::Reset(target) => target.clone(),
        }
    }
}

/// What is edited, one edit after the other.
struct Bench<'w> {
    environment: &'w EnvironmentName,
    definitions: &'w FlagDocument,
    live: LiveFlags,
}

impl Bench<'_> {
    fn edit(&mut self, edit: &FlagEdit) -> Result<(), Refusal> {
        match edit {
            FlagEdit::State(key, state) => self.switch(key, *state)?,
            FlagEdit::Default(key, variant) => {
                let flag = self.flag(key)?;
                if !flag.variants.contains_key(variant) {
                    return Err(no_variant(key, variant, &flag));
                }
                self.steer(key, &FlagDefinition { default_variant: Some(variant.clone()), ..flag });
            }
            FlagEdit::Percentage(key, variant, percent) => self.percentage(key, variant.as_deref(), *percent)?,
            FlagEdit::Targeting(key, targeting) => {
                let targeting = targeting.clone().filter(|targeting| !targeting.is_null());
                let flag = FlagDefinition { targeting, ..self.flag(key)? };
                self.steer(key, &flag);
            }
            FlagEdit::Patch(key, patch) => self.patch(key, patch)?,
            FlagEdit::Same(key, flag) => self.steer(key, flag),
            FlagEdit::Segment(name, rule) => {
                let change = FlagChange::of_segment(name.clone(), Some(rule.clone()));
                let same = self.definitions.evaluators.get(name) == Some(rule);
                self.live.lay(&FlagChange { live: change.live.filter(|_| !same), ..change });
            }
            FlagEdit::Reset(target) => {
                if self.live.live(target).is_none() {
                    let message = format!("`{target}` has no live change in {}: the files decide", self.environment);
                    return Err(Refusal::new(RefusalCode::NotFound, message)
                        .next(format!("towpath flags log {}", self.environment)));
                }
                self.live.lay(&FlagChange { target: target.clone(), live: None });
            }
        }
        Ok(())
    }

    fn switch(&mut self, key: &FlagKey, state: FlagState) -> Result<(), Refusal> {
        let flag = self.flag(key)?;
        if flag.state == state {
            return Ok(());
        }
        if state == FlagState::Disabled {
            // Said outright, whatever the files say: so it is seen to be nothing but switching off.
            let patch = self.live.patches.entry(key.clone()).or_default();
            patch.0.insert("state".to_owned(), "DISABLED".into());
        } else {
            self.steer(key, &FlagDefinition { state, ..flag });
        }
        Ok(())
    }

    fn percentage(&mut self, key: &FlagKey, variant: Option<&str>, percent: Percent) -> Result<(), Refusal> {
        let flag = self.flag(key)?;
        if let Some(name) = variant.filter(|name| !flag.variants.contains_key(*name)) {
            return Err(no_variant(key, name, &flag));
        }
        let targeting = with_percentage(&flag, variant, percent).map_err(|error| {
            let environment = self.environment;
            Refusal::new(RefusalCode::NotEditable, format!("a percentage of `{key}` cannot be set: {error}"))
                .next(format!("give the whole targeting: towpath flags edit {environment} {key} --targeting FILE"))
        })?;
        self.steer(key, &FlagDefinition { targeting: Some(targeting), ..flag });
        Ok(())
    }

    fn patch(&mut self, key: &FlagKey, patch: &FlagPatch) -> Result<(), Refusal> {
        if let Some(unknown) = patch.unknown() {
            let near = nearest(unknown, FlagPatch::PROPERTIES).map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{key}`: a flag has no property `{unknown}`");
            let known = || format!("one of: {}", FlagPatch::PROPERTIES.join(", "));
            return Err(Refusal::new(RefusalCode::FlagsInvalid, message).next(near.unwrap_or_else(known)));
        }
        let before = self.known(key);
        let after = patch.over(before.as_ref()).map_err(|error| unreadable(key, &error))?;
        self.steer(key, &after);
        Ok(())
    }

    fn known(&self, key: &FlagKey) -> Option<FlagDefinition> {
        let filed = self.definitions.flags.get(key);
        match self.live.patches.get(key) {
            Some(patch) => patch.over(filed).ok().or_else(|| filed.cloned()),
            None => filed.cloned(),
        }
    }

    fn flag(&self, key: &FlagKey) -> Result<FlagDefinition, Refusal> {
        self.known(key).ok_or_else(|| {
            let keys = self.definitions.flags.keys().chain(self.live.patches.keys()).map(FlagKey::as_str);
            let next = match nearest(key.as_str(), keys) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("towpath flags list {}", self.environment),
            };
            Refusal::new(RefusalCode::NotFound, format!("{} has no flag `{key}`", self.environment)).next(next)
        })
    }

    /// Changes what lies over the files so that a flag is as it is wanted. What is as in the files is left to them; what was not
    /// asked for stays as it is.
    fn steer(&mut self, key: &FlagKey, wanted: &FlagDefinition) {
        let base = self.definitions.flags.get(key).map(members);
        let before = self.known(key).as_ref().map(members).unwrap_or_default();
        let wanted = members(wanted);
        let mut patch = self.live.patches.get(key).cloned().unwrap_or_default().0;
        let is_new = base.is_none() && before.is_empty();
        for name in before.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
            if before.get(name) == wanted.get(name) {
                continue;
            }
            let filed = base.as_ref().and_then(|base| base.get(name));
            if FlagPatch::is_by_member(name) {
                steer_members(&mut patch, name, filed, before.get(name), wanted.get(name));
            } else {
                put(&mut patch, name, filed, wanted.get(name));
            }
        }
        if is_new && patch.is_empty() {
            patch.insert("state".to_owned(), "ENABLED".into());
        }
        self.live.lay(&FlagChange::of_flag(key.clone(), Some(FlagPatch(patch))));
    }
}

fn steer_members(
    patch: &mut Map<String, Value>,
    name: &str,
    filed: Option<&Value>,
    before: Option<&Value>,
    wanted: Option<&Value>,
) {
    let inner = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (filed, before, wanted) = (inner(filed), inner(before), inner(wanted));
    let mut changes = match patch.remove(name) {
        // `null` takes every member of the files away.
        Some(Value::Null) => filed.keys().map(|member| (member.clone(), Value::Null)).collect(),
        Some(Value::Object(changes)) => changes,
        Some(_) | None => Map::new(),
    };
    for member in before.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        if before.get(member) != wanted.get(member) {
            put(&mut changes, member, filed.get(member), wanted.get(member));
        }
    }
    if !changes.is_empty() {
        patch.insert(name.to_owned(), Value::Object(changes));
    }
}

fn put(patch: &mut Map<String, Value>, name: &str, filed: Option<&Value>, wanted: Option<&Value>) {
    if filed == wanted {
        patch.remove(name);
    } else {
        patch.insert(name.to_owned(), wanted.cloned().unwrap_or_default());
    }
}

/// The patches and segments alone, without what is remembered of them.
fn overlay_of(live: &LiveFlags) -> LiveFlags {
    LiveFlags { patches: live.patches.clone(), segments: live.segments.clone(), ..LiveFlags::default() }
}

fn no_variant(key: &FlagKey, variant: &str, flag: &FlagDefinition) -> Refusal {
    let known: Vec<String> = flag.variants.keys().map(|name| format!("`{name}`")).collect();
    Refusal::new(RefusalCode::FlagsInvalid, format!("`{key}` has no variant `{variant}`"))
        .next(format!("one of: {}", known.join(", ")))
}

fn unreadable(key: &FlagKey, error: &serde_json::Error) -> Refusal {
    Refusal::new(RefusalCode::FlagsInvalid, format!("`{key}` would not be a flag any more: {error}"))
}

/// Refuses a patch that is none: it would be left out without a word.
fn fits(definitions: &FlagDocument, live: &LiveFlags, target: &FlagTarget) -> Result<(), Refusal> {
    let FlagTarget::Flag(key) = target else { return Ok(()) };
    let Some(patch) = live.patches.get(key) else { return Ok(()) };
    patch.over(definitions.flags.get(key)).map(drop).map_err(|error| unreadable(key, &error))
}

/// Refuses what would be wrong after the changes and is not now.
fn sound(
    environment: &EnvironmentName,
    before: &FlagDocument,
    after: &FlagDocument,
    changes: &[FlagChange],
) -> Result<(), Refusal> {
    let wrong = |document: &FlagDocument| -> Vec<Diagnostic> {
        let part = part(document, concerned(&[before, after], changes).as_ref());
        check_flags(&part).into_iter().filter(Diagnostic::is_error).collect()
    };
    let known: BTreeSet<String> = wrong(before).into_iter().map(|it| it.message).collect();
    let new: Vec<Diagnostic> = wrong(after).into_iter().filter(|it| !known.contains(&it.message)).collect();
    let Some(first) = new.first() else { return Ok(()) };
    let message = format!("the flags of {environment} would not work: {}", first.message);
    let refusal = Refusal::new(RefusalCode::FlagsInvalid, message);
    let refusal = refusal.details(new.iter().skip(1).map(|it| it.message.clone()).collect());
    Err(match &first.help {
        Some(help) => refusal.next(help.clone()),
        None => refusal,
    })
}

/// Returns the flags that changes can matter to: those that change, what they require, and what requires them; `None` when it
/// may be any.
fn concerned(documents: &[&FlagDocument], changes: &[FlagChange]) -> Option<BTreeSet<FlagKey>> {
    let mut keys = BTreeSet::new();
    for change in changes {
        match &change.target {
            FlagTarget::Flag(key) => drop(keys.insert(key.clone())),
            FlagTarget::Segment(_) => return None,
        }
    }
    let changed = keys.clone();
    for document in documents {
        let requires = |flag: &FlagDefinition| flag.towpath.requires.iter().any(|it| changed.contains(&it.flag));
        keys.extend(document.flags.iter().filter(|(_, flag)| requires(flag)).map(|(key, _)| key.clone()));
    }
    let mut left: Vec<FlagKey> = keys.iter().cloned().collect();
    while let Some(key) = left.pop() {
        let flags = documents.iter().filter_map(|document| document.flags.get(&key));
        for required in flags.flat_map(|flag| &flag.towpath.requires) {
            if keys.insert(required.flag.clone()) {
                left.push(required.flag.clone());
            }
        }
    }
    Some(keys)
}

fn part(document: &FlagDocument, keys: Option<&BTreeSet<FlagKey>>) -> FlagDocument {
    let Some(keys) = keys else { return document.clone() };
    let flags: BTreeMap<FlagKey, FlagDefinition> =
        keys.iter().filter_map(|key| Some((key.clone(), document.flags.get(key)?.clone()))).collect();
    FlagDocument { flags, evaluators: document.evaluators.clone(), metadata: Map::new() }
}

/// Returns the checksum over what changes do to the flags as they are.
fn plan(environment: &EnvironmentName, before: &FlagDocument, after: &FlagDocument, changes: &[FlagChange]) -> Digest {
    let seen = |document: &FlagDocument, target: &FlagTarget| match target {
        FlagTarget::Flag(key) => document.flags.get(key).and_then(|flag| serde_json::to_value(flag).ok()),
        FlagTarget::Segment(name) => document.evaluators.get(name).cloned(),
    };
    let steps: Vec<_> = changes
        .iter()
        .map(|change| (&change.target, seen(before, &change.target), seen(after, &change.target)))
        .collect();
    Digest::of(&serde_json::to_vec(&(environment, steps)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
