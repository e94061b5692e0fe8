//! `var` and what is missing.

use super::{Code, Rule, Scope};
use crate::flags::set::value::{List, Val};

/// A member of the context whose place is known.
#[derive(Debug)]
pub(in super::super) struct Slot(pub(in super::super) u32);

impl Rule for Slot {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        scope.machine.slot(self.0)
    }

    fn slot(&self) -> Option<u32> {
        Some(self.0)
    }
}

/// `$flagd.flagKey`.
#[derive(Debug)]
pub(in super::super) struct Key;

impl Rule for Key {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Str(scope.machine.key())
    }
}

/// `$flagd.timestamp`.
#[derive(Debug)]
pub(in super::super) struct Now;

impl Rule for Now {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Num(crate::flags::set::value::Number::Int(scope.machine.now()))
    }
}

/// What a way leads to from another value.
#[derive(Debug)]
pub(in super::super) struct Named {
    /// From where; absent means from what the rule is about.
    pub(in super::super) from: Option<Code>,
    pub(in super::super) way: Box<[Box<str>]>,
}

impl Rule for Named {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let from = self.from.as_ref().map_or(scope.data, |from| from.value(scope));
        let found = self.way.iter().try_fold(from, |value, name| value.property(name, scope.machine));
        found.unwrap_or(Val::Null)
    }
}

/// `var` with a default, or with a path that is itself a rule.
#[derive(Debug)]
pub(in super::super) struct Var {
    pub(in super::super) path: Path,
    pub(in super::super) default: Option<Code>,
}

/// Which way a `var` goes.
#[derive(Debug)]
pub(in super::super) enum Path {
    Known(Code),
    Computed(Code),
}

impl Rule for Var {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let found = match &self.path {
            Path::Known(rule) => rule.value(scope),
            Path::Computed(path) => look_up(path.value(scope), scope),
        };
        match (&self.default, found) {
            // flagd: what is there but `null` is as good as absent.
            (Some(default), Val::Null) => default.value(scope),
            (_, found) => found,
        }
    }
}

/// Returns what a path leads to that was made while the rule ran.
pub(super) fn look_up<'e>(path: Val<'e>, scope: &Scope<'e>) -> Val<'e> {
    if matches!(path, Val::Null | Val::Str("")) {
        return scope.data;
    }
    let path = path.text(scope.machine);
    let found = path.split('.').try_fold(scope.data, |value, name| value.property(name, scope.machine));
    found.unwrap_or(Val::Null)
}

/// `missing`: those of the keys that lead nowhere.
pub(super) fn missing<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    let mut values = bumpalo::collections::Vec::new_in(scope.machine.room());
    values.extend(rules.iter().map(|rule| rule.value(scope)));
    let keys = match values.first() {
        Some(Val::List(keys)) => *keys,
        _ => List::Made(values.into_bump_slice()),
    };
    Val::List(List::Made(lacking(keys, scope)))
}

/// `missing_some`: nothing, if enough of the keys lead somewhere.
pub(super) fn missing_some<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    let enough = rules.first().map_or(Val::Null, |rule| rule.value(scope)).number(scope.machine);
    let keys = match rules.get(1).map(|rule| rule.value(scope)) {
        Some(Val::List(keys)) => keys,
        _ => List::Made(&[]),
    };
    let lacking = lacking(keys, scope);
    let found = crate::flags::set::value::Number::of_len(keys.len().saturating_sub(lacking.len())).float();
    Val::List(List::Made(if found >= enough { &[] } else { lacking }))
}

fn lacking<'e>(keys: List<'e>, scope: &Scope<'e>) -> &'e [Val<'e>] {
    let mut lacking = bumpalo::collections::Vec::new_in(scope.machine.room());
    for key in keys.iter() {
        if !scope.machine.spend(1) {
            break;
        }
        if matches!(look_up(key, scope), Val::Null | Val::Str("")) {
            lacking.push(key);
        }
    }
    lacking.into_bump_slice()
}
