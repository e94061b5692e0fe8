//! What can be asked of the flags of an environment: edits, taking a change back, taking flags over from elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{FlagEdit, FlagRecord, UndoConflict, WorkedOut, judge, taken_back, work_out};
use crate::{
    config::nearest,
    flags::{FlagDocument, FlagKey, FlagTarget, LiveFlags, Presence, differences},
    ids::{EnvironmentName, FlagChangeNumber},
    refusal::{Refusal, RefusalCode},
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagWish {
    /// Edits, all of them or none.
    Edit(Vec<FlagEdit>),
    /// Takes a change back: the latest that is none itself and was not taken back, or a certain one.
    Undo(Option<FlagChangeNumber>),
    /// Makes flags what they are in another environment: these flags and segments, or all that differ.
    Promote {
        /// Where from.
        from: EnvironmentName,
        /// Which; all if empty.
        keys: Vec<String>,
    },
}

/// What a wish came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Wished {
    /// What is done.
    pub work: WorkedOut,
    /// The change that it takes back.
    pub undoes: Option<FlagChangeNumber>,
    /// The environment that flags are taken over from.
    pub from: Option<EnvironmentName>,
}

/// Works out a wish. `definitions` is what the files say in the environment, `elsewhere` the flags of the environment that is
/// promoted from.
pub fn wished(
    environment: &EnvironmentName,
    definitions: &FlagDocument,
    live: &LiveFlags,
    wish: &FlagWish,
    elsewhere: &FlagDocument,
) -> Result<Wished, Refusal> {
    match wish {
        FlagWish::Edit(edits) => {
            Ok(Wished { work: work_out(environment, definitions, live, edits)?, undoes: None, from: None })
        }
        FlagWish::Undo(number) => {
            let record = undone(environment, live, *number)?;
            let number = record.change.number;
            let changes =
                taken_back(live, record).map_err(|conflicts| conflicting(environment, live, record, &conflicts))?;
            let work = judge(environment, definitions, live, changes)?;
            if work.changes.is_empty() {
                let message = format!("everything that {number} changed is as it was before it already");
                return Err(Refusal::new(RefusalCode::AlreadyThere, message));
            }
            Ok(Wished { work, undoes: Some(number), from: None })
        }
        FlagWish::Promote { from, keys } => {
            if from == environment {
                let message = format!("{from} is where the flags are already");
                return Err(Refusal::new(RefusalCode::Invalid, message));
            }
            let edits = taken_over(&live.over(definitions), elsewhere, from, keys)?;
            let work = work_out(environment, definitions, live, &edits)?;
            Ok(Wished { work, undoes: None, from: Some(from.clone()) })
        }
    }
}

fn undone<'l>(
    environment: &EnvironmentName,
    live: &'l LiveFlags,
    number: Option<FlagChangeNumber>,
) -> Result<&'l FlagRecord, Refusal> {
    let next = format!("towpath flags log {environment}");
    let refused = |message: String| Refusal::new(RefusalCode::NotFound, message).next(next.clone());
    let Some(number) = number else {
        let latest = live.records.iter().rev().find(|it| it.undone_by.is_none() && it.change.undoes.is_none());
        let none = || refused(format!("{environment} has no change that could be taken back"));
        return latest.map(AsRef::as_ref).ok_or_else(none);
    };
    if let Some(record) = live.record(number) {
        return Ok(record);
    }
    Err(if live.requests.contains_key(&number) {
        Refusal::new(RefusalCode::FlagChangeClosed, format!("{number} is not in force: it waits"))
            .next(format!("towpath flags reject {environment} {number}"))
    } else if number <= live.last && number.0 > 0 {
        refused(format!("{number} never took effect, or is too old to be taken back"))
    } else {
        refused(format!("{environment} has no change {number} of flags"))
    })
}

fn conflicting(
    environment: &EnvironmentName,
    live: &LiveFlags,
    record: &FlagRecord,
    conflicts: &[UndoConflict],
) -> Refusal {
    let number = record.change.number;
    let named: Vec<String> = conflicts
        .iter()
        .map(|it| match &it.property {
            Some(property) => format!("`{property}` of {}", it.target),
            None => it.target.to_string(),
        })
        .collect();
    let targets: BTreeSet<&FlagTarget> = conflicts.iter().map(|it| &it.target).collect();
    let touches = |it: &&std::sync::Arc<FlagRecord>| it.change.changes.iter().any(|one| targets.contains(&one.target));
    let later = live.records.iter().rev().take_while(|it| it.sequence > record.sequence).filter(touches);
    let later: Vec<String> = later.map(|it| it.change.number.to_string()).collect();
    let by = if later.is_empty() { String::new() } else { format!(" by {}", later.join(", ")) };
    let message = format!("{number} cannot be taken back: {} changed since{by}", named.join(", "));
    let next = match later.first() {
        Some(last) => format!("towpath flags undo {environment} {last}, or set what you want"),
        None => "set what you want".to_owned(),
    };
    Refusal::new(RefusalCode::FlagConflict, message).next(next)
}

/// Returns the edits that make flags what they are elsewhere. What is equal is left out, and what is only here stays.
fn taken_over(
    here: &FlagDocument,
    there: &FlagDocument,
    from: &EnvironmentName,
    keys: &[String],
) -> Result<Vec<FlagEdit>, Refusal> {
    let mut flags: BTreeSet<&str> = BTreeSet::new();
    let mut segments: BTreeSet<&str> = BTreeSet::new();
    for key in keys {
        if let Some((key, flag)) = there.flags.get_key_value(key.as_str()) {
            flags.insert(key.as_str());
            flag.targeting.iter().for_each(|rule| named_segments(rule, there, &mut segments));
        } else if let Some((name, rule)) = there.evaluators.get_key_value(key) {
            segments.insert(name);
            named_segments(rule, there, &mut segments);
        } else {
            let known = there.flags.keys().map(FlagKey::as_str).chain(there.evaluators.keys().map(String::as_str));
            let next = nearest(key, known).map(|near| format!("did you mean `{near}`?"));
            let refusal = Refusal::new(RefusalCode::NotFound, format!("{from} has no flag `{key}`"));
            return Err(refusal.next(next.unwrap_or_else(|| format!("towpath flags list {from}"))));
        }
    }
    let mut edits = Vec::new();
    for difference in differences(there, here).into_iter().filter(|it| it.presence != Presence::Right) {
        match difference.target {
            FlagTarget::Flag(key) if keys.is_empty() || flags.contains(key.as_str()) => {
                if let Some(flag) = there.flags.get(&key) {
                    edits.push(FlagEdit::Same(key, Box::new(flag.clone())));
                }
            }
            FlagTarget::Segment(name) if keys.is_empty() || segments.contains(name.as_str()) => {
                if let Some(rule) = there.evaluators.get(&name) {
                    edits.push(FlagEdit::Segment(name, rule.clone()));
                }
            }
            FlagTarget::Flag(_) | FlagTarget::Segment(_) => {}
        }
    }
    Ok(edits)
}

/// Collects the segments that a rule names, and those that they name.
fn named_segments<'d>(rule: &'d Value, document: &'d FlagDocument, found: &mut BTreeSet<&'d str>) {
    let mut left = vec![rule];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => {
                let named = members.get("$ref").and_then(Value::as_str);
                if let Some((name, rule)) = named.and_then(|name| document.evaluators.get_key_value(name))
                    && found.insert(name)
                {
                    left.push(rule);
                }
                left.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
