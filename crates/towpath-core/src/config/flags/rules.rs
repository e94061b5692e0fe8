//! Rules: whether every operator is known and has what it needs.
//!
//! What a rule may yield is looked at in [`super::results`].

use super::{ByName, exact, operators};
use crate::config::{
    diagnostic::Diagnostic,
    nearest::suggestion,
    source::Label,
    value::{Data, Member, Value},
    yaml::{Scalar, ScalarKind, shorten},
};

/// The largest sum of weights (flagd: what fits in 31 bits).
const MOST_WEIGHT: u64 = i32::MAX as u64;
/// What flagd puts into every context.
const INJECTED: [&str; 2] = ["$flagd.flagKey", "$flagd.timestamp"];
/// How versions can be compared.
const COMPARISONS: [&str; 8] = ["=", "!=", "<", "<=", ">", ">=", "^", "~"];
/// Names that other tools have for operators.
const FOREIGN: [(&str, &str); 12] = [
    ("equals", "=="),
    ("eq", "=="),
    ("ne", "!="),
    ("gt", ">"),
    ("gte", ">="),
    ("lt", "<"),
    ("lte", "<="),
    ("not", "!"),
    ("contains", "in"),
    ("semver", "sem_ver"),
    ("percentage", "fractional"),
    ("rollout", "fractional"),
];

/// Looks at one rule.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    /// Whose rule it is, as it begins a message.
    pub(super) owner: String,
    pub(super) segments: &'a ByName,
    pub(super) found: Vec<Diagnostic>,
}

/// Returns the one operator of an operation with what stands under it.
pub(super) fn operation(value: &Value) -> Option<(&str, &Member)> {
    let mut there = value.as_map()?.iter().filter(|(_, member)| !member.value.is_removed());
    there.next().map(|(name, member)| (name.as_ref(), member))
}

/// Returns the arguments of an operator: a list, or one that stands alone.
pub(super) fn arguments(value: &Value) -> &[Value] {
    match &value.data {
        Data::List(items) => items,
        Data::Removed | Data::Scalar(_) | Data::Map(_) => std::slice::from_ref(value),
    }
}

/// Returns a text that stands for itself.
pub(super) fn literal(value: &Value) -> Option<&str> {
    match &value.data {
        Data::Scalar(scalar) if matches!(scalar.kind, ScalarKind::Text | ScalarKind::Replaced) => Some(scalar.text()),
        Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_) => None,
    }
}

/// Returns what of `fractional` says by what users are chosen, and the shares.
pub(super) fn shares(value: &Value) -> (Option<&Value>, &[Value]) {
    match arguments(value).split_first() {
        Some((first, rest)) if !matches!(first.data, Data::List(_)) => (Some(first), rest),
        Some(_) | None => (None, arguments(value)),
    }
}

impl Rules<'_> {
    fn push(&mut self, code: &'static str, at: Label, why: &str, help: impl Into<String>) {
        self.found.push(Diagnostic::error(code, at, format!("{}: {why}", self.owner)).help(help));
    }

    /// Looks at a rule and all that is in it; a document nests no deeper than is safe to follow.
    pub(super) fn check(&mut self, value: &Value) {
        match &value.data {
            Data::Removed | Data::Scalar(_) => {}
            Data::List(items) => items.iter().for_each(|item| self.check(item)),
            Data::Map(map) => {
                let mut there = map.iter().filter(|(_, member)| !member.value.is_removed());
                let Some((name, member)) = there.next() else { return };
                if let Some((second, other)) = there.next() {
                    let why = format!("an operation has one operator, but here are `{name}` and `{second}`");
                    let help = format!(
                        "put them into each other, or into one `and`: `{{and: [{{{name}: …}}, {{{second}: …}}]}}`"
                    );
                    self.push("flags::rule", member.key.max(other.key), &why, help);
                }
                for (name, member) in map.iter().filter(|(_, member)| !member.value.is_removed()) {
                    self.operator(name, member);
                }
            }
        }
    }

    fn operator(&mut self, name: &str, member: &Member) {
        let Some(operator) = operators::named(name) else {
            let known = operators::every().map(|operator| operator.name);
            let foreign = FOREIGN.iter().find(|(word, _)| *word == name);
            let help = foreign
                .map_or_else(|| suggestion(name, known.clone()), |(_, ours)| format!("that is called `{ours}` here"));
            let help = format!("{help}; an object that is no operation can only be a variant");
            self.push("flags::operator", member.key, &format!("unknown operator `{}`", shorten(name)), help);
            return arguments(&member.value).iter().for_each(|argument| self.check(argument));
        };
        let (least, most) = operator.arguments;
        let count = arguments(&member.value).len();
        if count < least || count > most {
            let why = format!("`{name}` takes {}, not {count}", operator.takes());
            self.push("flags::arguments", member.key, &why, "give it as many as it takes");
        }
        match name {
            "fractional" => return self.fractional(member),
            "$ref" => return self.segment(member),
            "var" => self.variable(member),
            "sem_ver" => self.versions(member),
            "starts_with" | "ends_with" => self.texts(name, member),
            _ => {}
        }
        arguments(&member.value).iter().for_each(|argument| self.check(argument));
    }

    fn segment(&mut self, member: &Member) {
        let Some(name) = literal(&member.value) else {
            let help = "write the name of one of `$evaluators`";
            return self.push("flags::segment", member.value.origin, "`$ref` takes the name of a segment", help);
        };
        if !self.segments.contains_key(name) {
            let why = format!("there is no segment `{}`", shorten(name));
            let known = self.segments.keys().map(AsRef::as_ref);
            let help = format!("define it under `$evaluators:`; {}", suggestion(name, known));
            self.push("flags::segment", member.value.origin, &why, help);
        }
    }

    fn variable(&mut self, member: &Member) {
        let Some(first) = arguments(&member.value).first() else { return };
        let text = literal(first);
        if let Some(text) = text.filter(|text| text.starts_with("$flagd.") && !INJECTED.contains(text)) {
            let why = format!("there is no `{}` in any context", shorten(text));
            self.push("flags::variable", first.origin, &why, suggestion(text, INJECTED));
        }
        let wrong = match &first.data {
            Data::Scalar(scalar) => scalar.kind == ScalarKind::Bool,
            Data::List(_) => true,
            Data::Removed | Data::Map(_) => false,
        };
        if wrong {
            let why = "`var` takes the name of something in the context";
            self.push("flags::variable", first.origin, why, "write its name, such as `{var: country}`");
        }
    }

    fn versions(&mut self, member: &Member) {
        let [left, comparison, right] = arguments(&member.value) else { return };
        for version in [left, right] {
            let text = match &version.data {
                Data::Scalar(scalar) if *scalar != Scalar::NULL => scalar.text(),
                Data::Scalar(_) | Data::Removed | Data::List(_) | Data::Map(_) => continue,
            };
            if !is_version(text) {
                let why = format!("`{}` is no version, so the comparison yields nothing", shorten(text));
                self.push("flags::version", version.origin, &why, "write a version such as `1.4.0`, or `1.4`");
            }
        }
        let Some(word) = literal(comparison) else {
            if !matches!(comparison.data, Data::Map(_)) {
                let help = format!("write one of `{}`", COMPARISONS.join("`, `"));
                self.push("flags::version", comparison.origin, "`sem_ver` compares by a sign in the middle", help);
            }
            return;
        };
        if !COMPARISONS.contains(&word) {
            let why = format!("`{}` compares no versions", shorten(word));
            let help = match word {
                "==" | "===" => "write `=`".to_owned(),
                _ => format!("write one of `{}`", COMPARISONS.join("`, `")),
            };
            self.push("flags::version", comparison.origin, &why, help);
        }
    }

    fn texts(&mut self, name: &str, member: &Member) {
        for argument in arguments(&member.value) {
            let other = match &argument.data {
                Data::Scalar(scalar) => literal(argument).is_none() && *scalar != Scalar::NULL,
                Data::List(_) => true,
                Data::Removed | Data::Map(_) => false,
            };
            if other {
                let why = format!("`{name}` compares texts, and this is none, so it yields nothing");
                self.push("flags::arguments", argument.origin, &why, "put it in quotes");
            }
        }
    }

    fn fractional(&mut self, member: &Member) {
        let (by, shares) = shares(&member.value);
        if let Some(by) = by {
            self.check(by);
        }
        if shares.is_empty() {
            let help = "write `fractional: [[on, 25], [off, 75]]`";
            return self.push("flags::weights", member.key, "`fractional` has no shares", help);
        }
        let mut weights = Vec::new();
        for share in shares {
            weights.push(self.share(share));
        }
        let Some(weights) = weights.into_iter().collect::<Option<Vec<u64>>>() else { return };
        let sum = weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
        let same = weights.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        if sum == 0 {
            let why = "all weights are 0, so nobody gets any variant";
            self.push("flags::weights", member.key, why, "give at least one share a weight");
        } else if sum > MOST_WEIGHT {
            let why = format!("the weights add up to {sum}, which is more than {MOST_WEIGHT}");
            self.push("flags::weights", member.key, &why, "use smaller ones: only their proportions count");
        } else if (90..=110).contains(&sum) && sum != 100 && !same {
            let message = format!("{}: the weights add up to {sum}, so they are no percentages", self.owner);
            let help = "let them add up to 100, if percentages were meant";
            self.found.push(Diagnostic::warning("flags::weights", member.key, message).help(help));
        }
    }

    /// Looks at one share; returns its weight if that is written and right.
    fn share(&mut self, share: &Value) -> Option<u64> {
        let Data::List(parts) = &share.data else {
            let why = "a share is a list of a variant and its weight";
            self.push("flags::weights", share.origin, why, "write `[on, 25]`");
            return None;
        };
        let (name, weight) = match parts.as_slice() {
            [name] => (name, None),
            [name, weight] => (name, Some(weight)),
            _ => {
                let why = format!("a share is a list of a variant and its weight, not of {}", parts.len());
                self.push("flags::weights", share.origin, &why, "write `[on, 25]`");
                return None;
            }
        };
        self.check(name);
        let Some(weight) = weight else { return Some(1) };
        let scalar = match &weight.data {
            Data::Map(_) => {
                self.check(weight);
                return None;
            }
            Data::Scalar(scalar) => scalar.clone(),
            Data::Removed | Data::List(_) => Scalar::NULL,
        };
        let number = exact::number(&scalar);
        let why = match number.as_ref() {
            Some(number) if number.as_u64().is_some_and(|weight| weight <= MOST_WEIGHT) => return number.as_u64(),
            Some(number) if number.as_f64().is_some_and(|number| number < 0.0) => "is less than 0, which counts as 0",
            Some(number) if number.is_f64() => "is no whole number",
            Some(_) => "is too large",
            None => "is no number",
        };
        let why = format!("the weight {} {why}", scalar.describe());
        self.push(
            "flags::weights",
            weight.origin,
            &why,
            "write a whole number from 0; parts of a percent as 5 of 1000",
        );
        None
    }
}

/// Says whether flagd can read a text as a version: one to three numbers with a `v` before and labels behind, or not.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let (numbers, label) = text.split_once('-').map_or((text, None), |(numbers, label)| (numbers, Some(label)));
    let parts: Vec<&str> = numbers.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let identifier =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    parts.len() <= 3 && parts.iter().all(number) && label.is_none_or(|label| label.split('.').all(identifier))
}
