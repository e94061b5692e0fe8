//! What a rule can yield, as far as it is written in it: whether all of that are variants, and whether it is always one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ByName,
    operators::{self, Yields},
    rules::{arguments, literal, operation, shares},
};
use crate::config::{
    source::Label,
    value::{Data, Value},
    yaml::{Scalar, ScalarKind},
};

/// What a rule can yield.
#[derive(Debug, Clone, Default)]
pub(super) struct Results {
    /// What names a variant, and where; and whether any user can get it.
    pub(super) names: Vec<(Arc<str>, Label, bool)>,
    /// Operations that yield `true` or `false`.
    pub(super) truths: Vec<Label>,
    /// Segments whose results are its own.
    pub(super) segments: Vec<(Arc<str>, Label)>,
    /// Lists, which name no variant.
    pub(super) lists: Vec<Label>,
    /// Whether it can yield nothing, so that the default variant counts.
    pub(super) nothing: bool,
    /// Whether it can yield what only the context tells.
    pub(super) other: bool,
}

impl Results {
    /// Returns what a rule can yield.
    pub(super) fn of(rule: &Value) -> Self {
        let mut results = Self::default();
        results.collect(rule, true);
        results
    }

    fn collect(&mut self, value: &Value, live: bool) {
        match &value.data {
            Data::Removed => self.nothing = true,
            Data::Scalar(scalar) if *scalar == Scalar::NULL => self.nothing = true,
            Data::Scalar(scalar) => {
                let text = if scalar.kind == ScalarKind::Bool {
                    scalar.text().to_lowercase()
                } else {
                    scalar.text().to_owned()
                };
                self.names.push((text.into(), value.origin, live));
            }
            Data::List(_) => self.lists.push(value.origin),
            Data::Map(_) => match operation(value) {
                Some((name, member)) => self.operation(name, &member.value, member.key, live),
                None => self.other = true,
            },
        }
    }

    fn operation(&mut self, name: &str, under: &Value, at: Label, live: bool) {
        let parts = arguments(under);
        match name {
            "if" | "?:" => self.branches(parts, live),
            "or" => parts.iter().for_each(|part| self.collect(part, live)),
            "and" => {
                let Some((last, before)) = parts.split_last() else { return };
                // The first that is false is the result, and not the last.
                for part in before {
                    if operation(part).is_some_and(|(name, _)| is_truth(name)) {
                        self.names.push(("false".into(), part.origin, live));
                    } else {
                        self.other = true;
                    }
                }
                self.collect(last, live);
            }
            "fractional" => {
                for share in shares(under).1 {
                    let Data::List(parts) = &share.data else { continue };
                    let nobody = matches!(parts.get(1).map(|weight| &weight.data), Some(Data::Scalar(weight)) if weight.as_int() == Some(0));
                    if let Some(name) = parts.first() {
                        self.collect(name, live && !nobody);
                    }
                }
            }
            "$ref" => match literal(under) {
                Some(name) => self.segments.push((name.into(), under.origin)),
                None => self.other = true,
            },
            name if is_truth(name) => self.truths.push(at),
            _ => self.other = true,
        }
    }

    fn branches(&mut self, mut parts: &[Value], live: bool) {
        loop {
            match parts {
                [] => return self.nothing = true,
                [last] => return self.collect(last, live),
                [_, then, rest @ ..] => {
                    self.collect(then, live);
                    parts = rest;
                }
            }
        }
    }
}

fn is_truth(name: &str) -> bool {
    operators::named(name).is_some_and(|operator| operator.yields == Yields::Truth)
}

/// What segments can yield, each looked at once.
#[derive(Debug)]
pub(super) struct SegmentResults<'a> {
    segments: &'a ByName,
    known: BTreeMap<Arc<str>, Arc<Results>>,
}

impl<'a> SegmentResults<'a> {
    pub(super) fn new(segments: &'a ByName) -> Self {
        Self { segments, known: BTreeMap::new() }
    }

    fn of(&mut self, name: &str) -> Option<Arc<Results>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        let (name, member) = self.segments.get_key_value(name)?;
        let results = Arc::new(Results::of(&member.value));
        self.known.insert(name.clone(), Arc::clone(&results));
        Some(results)
    }

    /// Returns what the segments yield that a rule hands on, each with its name and where the rule names the first of them.
    pub(super) fn reached(&mut self, from: &Results) -> Vec<(Arc<str>, Label, Arc<Results>)> {
        let mut reached = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = from.segments.clone();
        while let Some((name, at)) = next.pop() {
            if seen.insert(name.clone())
                && let Some(results) = self.of(&name)
            {
                next.extend(results.segments.iter().map(|(name, _)| (name.clone(), at)));
                reached.push((name, at, results));
            }
        }
        reached
    }
}

/// Returns the one variant that everybody gets, if that is so; `None` within for none at all.
pub(super) fn constant(flag: &Value, segments: &mut SegmentResults<'_>) -> Option<Option<Arc<str>>> {
    let default = flag.get("defaultVariant").and_then(literal).map(Arc::from);
    let disabled = flag.get("state").and_then(literal) == Some("DISABLED");
    let rule = flag.get("targeting").filter(|rule| operation(rule).is_some());
    let Some(rule) = rule.filter(|_| !disabled) else { return Some(if disabled { None } else { default }) };
    let own = Results::of(rule);
    let reached = segments.reached(&own);
    let all = || std::iter::once(&own).chain(reached.iter().map(|(_, _, results)| results.as_ref()));
    if all().any(|results| results.other || !results.truths.is_empty() || !results.lists.is_empty()) {
        return None;
    }
    let named =
        all().flat_map(|results| &results.names).filter(|(_, _, live)| *live).map(|(name, _, _)| Some(name.clone()));
    let nothing = all().any(|results| results.nothing).then_some(default);
    let outcomes: BTreeSet<Option<Arc<str>>> = named.chain(nothing).collect();
    if outcomes.len() == 1 { outcomes.into_iter().next() } else { None }
}
