//! Values while a rule is evaluated, and what JavaScript makes of them: truth, number, text, equality, order.
//!
//! `JsonLogic` is defined by its JavaScript implementation; where others differ, that one counts here, except that whole numbers
//! of 64 bits are compared exactly and characters are code points.

use std::{cmp::Ordering, ptr};

use super::{
    number,
    rule::Machine,
    tape::{At, Tape},
    text::Text,
};

pub(super) use number::Number;

/// A value. Borrowed from the rule, the context or the room for intermediate results.
#[derive(Debug, Clone, Copy)]
pub(super) enum Val<'e> {
    Null,
    Bool(bool),
    Num(Number),
    Str(&'e str),
    List(List<'e>),
    Map(Map<'e>),
}

/// A list: as it was read, or as a rule made it.
#[derive(Debug, Clone, Copy)]
pub(super) enum List<'e> {
    Kept(&'e Tape<'e>, At),
    Made(&'e [Val<'e>]),
}

/// An object: as it was read, the whole context, what flagd adds to it, or what the body of `reduce` sees.
#[derive(Debug, Clone, Copy)]
pub(super) enum Map<'e> {
    Kept(&'e Tape<'e>, At),
    Context,
    Flagd,
    /// The accumulator and the current item.
    Reduced(&'e (Val<'e>, Val<'e>)),
}

/// How deep values that rules made may nest before a text is made of them.
pub(super) const DEEPEST: usize = 200;

impl<'e> Val<'e> {
    /// Says what a condition makes of it: the empty text, 0, the empty list and `null` are false.
    pub(super) fn truthy(self) -> bool {
        match self {
            Val::Null => false,
            Val::Bool(it) => it,
            Val::Num(it) => it.truthy(),
            Val::Str(it) => !it.is_empty(),
            Val::List(it) => it.len() > 0,
            Val::Map(_) => true,
        }
    }

    /// Returns it as a number: JavaScript's `Number(it)`.
    pub(super) fn number(self, machine: &Machine<'e>) -> f64 {
        match self {
            Val::Null => 0.0,
            Val::Bool(it) => f64::from(u8::from(it)),
            Val::Num(it) => it.float(),
            Val::Str(it) => number::parse(it),
            Val::List(_) => number::parse(self.text(machine)),
            Val::Map(_) => f64::NAN,
        }
    }

    /// Returns it as a text: JavaScript's `String(it)`.
    pub(super) fn text(self, machine: &Machine<'e>) -> &'e str {
        if let Val::Str(it) = self {
            return it;
        }
        let mut text = Text::new(machine);
        text.push(self);
        text.finish()
    }

    /// JavaScript's `===`.
    pub(super) fn same(self, other: Val<'e>) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Num(a), Val::Num(b)) => a.equals(b),
            (Val::Str(a), Val::Str(b)) => a == b,
            (Val::List(a), Val::List(b)) => a.is(b),
            (Val::Map(a), Val::Map(b)) => a.is(b),
            _ => false,
        }
    }

    /// JavaScript's `==`.
    pub(super) fn equals(self, other: Val<'e>, machine: &Machine<'e>) -> bool {
        match (self, other) {
            (Val::Null, _) | (_, Val::Null) => matches!((self, other), (Val::Null, Val::Null)),
            (Val::Bool(_), Val::Bool(_))
            | (Val::Num(_), Val::Num(_))
            | (Val::Str(_), Val::Str(_))
            | (Val::List(_) | Val::Map(_), Val::List(_) | Val::Map(_)) => self.same(other),
            (Val::Str(text), Val::List(_) | Val::Map(_)) => text == other.text(machine),
            (Val::List(_) | Val::Map(_), Val::Str(text)) => self.text(machine) == text,
            _ => Number::Float(self.number(machine)).equals(Number::Float(other.number(machine))),
        }
    }

    /// Compares as JavaScript's `<` does: texts by their UTF-16, all else as numbers.
    pub(super) fn compare(self, other: Val<'e>, machine: &Machine<'e>) -> Option<Ordering> {
        match (self.primitive(machine), other.primitive(machine)) {
            (Val::Str(a), Val::Str(b)) if a.is_ascii() && b.is_ascii() => Some(a.cmp(b)),
            (Val::Str(a), Val::Str(b)) => Some(a.encode_utf16().cmp(b.encode_utf16())),
            (Val::Num(Number::Int(a)), Val::Num(Number::Int(b))) => Some(a.cmp(&b)),
            (a, b) => a.number(machine).partial_cmp(&b.number(machine)),
        }
    }

    fn primitive(self, machine: &Machine<'e>) -> Self {
        match self {
            Val::List(_) | Val::Map(_) => Val::Str(self.text(machine)),
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::Str(_) => self,
        }
    }

    /// Returns a property of it, as JavaScript's `it[name]` does for JSON.
    pub(super) fn property(self, name: &str, machine: &Machine<'e>) -> Option<Val<'e>> {
        match self {
            Val::Map(map) => map.member(name, machine),
            Val::List(list) if name == "length" => Some(Val::Num(Number::of_len(list.len()))),
            Val::List(list) => list.get(index(name)?),
            Val::Str(text) if name == "length" => Some(Val::Num(Number::of_len(text.encode_utf16().count()))),
            Val::Str(text) => {
                machine.spend(text.len());
                let (from, it) = text.char_indices().nth(index(name)?)?;
                text.get(from..from + it.len_utf8()).map(Val::Str)
            }
            Val::Null | Val::Bool(_) | Val::Num(_) => None,
        }
    }
}

impl<'e> List<'e> {
    /// Returns how many items it has.
    pub(super) fn len(self) -> usize {
        match self {
            List::Kept(tape, at) => tape.len(at),
            List::Made(items) => items.len(),
        }
    }

    /// Returns its items.
    pub(super) fn iter(self) -> impl Iterator<Item = Val<'e>> {
        let (kept, made) = match self {
            List::Kept(tape, at) => (Some(tape.items(at).map(move |at| tape.value(at))), None),
            List::Made(items) => (None, Some(items.iter().copied())),
        };
        kept.into_iter().flatten().chain(made.into_iter().flatten())
    }

    fn get(self, index: usize) -> Option<Val<'e>> {
        match self {
            List::Kept(tape, at) => tape.items(at).nth(index).map(|at| tape.value(at)),
            List::Made(items) => items.get(index).copied(),
        }
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (List::Kept(tape, at), List::Kept(other, place)) => ptr::eq(tape, other) && at == place,
            // All that are empty are in the same place, and yet not the same list.
            (List::Made(items), List::Made(others)) => !items.is_empty() && ptr::eq(items, others),
            _ => false,
        }
    }
}

impl<'e> Map<'e> {
    fn member(self, name: &str, machine: &Machine<'e>) -> Option<Val<'e>> {
        match self {
            Map::Kept(tape, at) => {
                machine.spend(tape.len(at) / 4);
                tape.member(at, name).map(|at| tape.value(at))
            }
            Map::Context if name == "$flagd" => Some(Val::Map(Map::Flagd)),
            Map::Context => Map::Kept(machine.tape(), 0).member(name, machine),
            Map::Flagd => match name {
                "flagKey" => Some(Val::Str(machine.key())),
                "timestamp" => Some(Val::Num(Number::Int(machine.now()))),
                _ => None,
            },
            Map::Reduced((accumulator, current)) => match name {
                "accumulator" => Some(*accumulator),
                "current" => Some(*current),
                _ => None,
            },
        }
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Map::Kept(tape, at), Map::Kept(other, place)) => ptr::eq(tape, other) && at == place,
            (Map::Context, Map::Context) => true,
            (Map::Reduced(one), Map::Reduced(other)) => ptr::eq(one, other),
            _ => false,
        }
    }
}

/// Returns the index that a name is, if it is one: digits without a leading zero.
fn index(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|it| it.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    plain.then(|| name.parse().ok())?
}
