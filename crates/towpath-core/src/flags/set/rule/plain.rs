//! Operators that are functions of their values.

use super::{Code, Rule, Scope, vars};
use crate::flags::set::{
    text::Text,
    value::{List, Number, Val},
};

/// What an operator does.
pub(in super::super) type Run = for<'e> fn(&'e [Code], &Scope<'e>) -> Val<'e>;

/// An operator and its rules.
#[derive(Debug)]
pub(in super::super) struct Call {
    pub(in super::super) run: Run,
    pub(in super::super) rules: Box<[Code]>,
}

impl Rule for Call {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        (self.run)(&self.rules, scope)
    }
}

/// Returns what an operator does, and whether that takes room for its result.
pub(in super::super) fn builtin(name: &str) -> Option<(Run, bool)> {
    Some(match name {
        "!" => (not, false),
        "!!" => (is, false),
        "+" => (sum, false),
        "*" => (product, false),
        "-" => (minus, false),
        "/" => (quotient, false),
        "%" => (remainder, false),
        "min" => (least, false),
        "max" => (most, false),
        "cat" => (cat, true),
        "substr" => (substr, true),
        "merge" => (merge, true),
        "missing" => (vars::missing, true),
        "missing_some" => (vars::missing_some, true),
        // Nothing is written anywhere: whoever asks for a flag does not read the server's log.
        "log" => (first, false),
        "starts_with" => (starts_with, false),
        "ends_with" => (ends_with, false),
        _ => return None,
    })
}

fn value<'e>(rules: &'e [Code], index: usize, scope: &Scope<'e>) -> Val<'e> {
    rules.get(index).map_or(Val::Null, |rule| rule.value(scope))
}

fn number<'e>(rules: &'e [Code], index: usize, scope: &Scope<'e>) -> Option<f64> {
    rules.get(index).map(|rule| rule.value(scope).number(scope.machine))
}

fn numbers<'r, 'e: 'r>(rules: &'e [Code], scope: &'r Scope<'e>) -> impl Iterator<Item = f64> + 'r {
    rules.iter().map(|rule| rule.value(scope).number(scope.machine))
}

fn float<'e>(it: f64) -> Val<'e> {
    Val::Num(Number::Float(it))
}

fn not<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    Val::Bool(!rules.first().is_some_and(|rule| rule.holds(scope)))
}

fn is<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    Val::Bool(rules.first().is_some_and(|rule| rule.holds(scope)))
}

fn first<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    value(rules, 0, scope)
}

fn sum<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(numbers(rules, scope).fold(0.0, |sum, it| sum + it))
}

fn product<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(numbers(rules, scope).fold(1.0, |product, it| product * it))
}

fn minus<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    let left = number(rules, 0, scope).unwrap_or(f64::NAN);
    float(number(rules, 1, scope).map_or(-left, |right| left - right))
}

fn quotient<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(number(rules, 0, scope).unwrap_or(f64::NAN) / number(rules, 1, scope).unwrap_or(f64::NAN))
}

fn remainder<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(number(rules, 0, scope).unwrap_or(f64::NAN) % number(rules, 1, scope).unwrap_or(f64::NAN))
}

/// One value that is none makes the whole none, as in JavaScript.
fn least<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(numbers(rules, scope).fold(f64::INFINITY, |least, it| if it.is_nan() || it < least { it } else { least }))
}

fn most<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    float(numbers(rules, scope).fold(f64::NEG_INFINITY, |most, it| if it.is_nan() || it > most { it } else { most }))
}

fn cat<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    if let [only] = rules
        && let Val::Str(text) = only.value(scope)
    {
        return Val::Str(text);
    }
    let mut text = Text::new(scope.machine);
    for rule in rules {
        text.join(rule.value(scope));
    }
    Val::Str(text.finish())
}

fn substr<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    let text = value(rules, 0, scope).text(scope.machine);
    scope.machine.spend(text.len() / 8);
    let count = text.chars().count();
    let from = place(number(rules, 1, scope).unwrap_or(0.0), count, 0);
    let rest = count - from;
    let length =
        number(rules, 2, scope).map_or(rest, |length| if length.is_nan() { 0 } else { place(length, rest, 0) });
    let byte = |char: usize| text.char_indices().nth(char).map_or(text.len(), |(byte, _)| byte);
    Val::Str(text.get(byte(from)..byte(from + length)).unwrap_or_default())
}

/// Returns how many characters from the beginning a place is: less than nothing counts from the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and NaN is 0"
)]
fn place(place: f64, count: usize, least: usize) -> usize {
    let whole = place.trunc();
    let place = if whole < 0.0 { count.saturating_sub(-whole as usize) } else { whole as usize };
    place.clamp(least, count)
}

fn merge<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    let mut merged = bumpalo::collections::Vec::new_in(scope.machine.room());
    for rule in rules {
        match rule.value(scope) {
            Val::List(items) if scope.machine.spend(items.len()) => merged.extend(items.iter()),
            Val::List(_) => {}
            it @ (Val::Null | Val::Bool(_) | Val::Num(_) | Val::Str(_) | Val::Map(_)) => merged.push(it),
        }
    }
    Val::List(List::Made(merged.into_bump_slice()))
}

fn starts_with<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    texts(rules, scope).map_or(Val::Null, |(text, start)| Val::Bool(text.starts_with(start)))
}

fn ends_with<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Val<'e> {
    texts(rules, scope).map_or(Val::Null, |(text, end)| Val::Bool(text.ends_with(end)))
}

/// Returns the two texts that are compared; anything else makes the operator yield `null`.
fn texts<'e>(rules: &'e [Code], scope: &Scope<'e>) -> Option<(&'e str, &'e str)> {
    let [text, part] = rules else { return None };
    match (text.value(scope), part.value(scope)) {
        (Val::Str(text), Val::Str(part)) => Some((text, part)),
        _ => None,
    }
}
