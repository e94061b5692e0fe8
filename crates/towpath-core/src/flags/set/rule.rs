//! What every compiled rule can do, and what it sees while it is evaluated.

use std::{cell::Cell, fmt::Debug};

use bumpalo::Bump;

use super::{
    context::Context,
    tape::Tape,
    value::{List, Map, Val},
};

mod bucket;
mod cbor;
mod compare;
mod lists;
mod logic;
mod murmur;
mod plain;
mod vars;
mod version;

pub(super) use bucket::{Begun, Fractional, Share, Shares, weigh};
pub(super) use compare::{Among, Equals, Order, Ordered, Within};
pub(super) use lists::{Each, Every, Reduce, What};
pub(super) use logic::{Both, If};
pub(super) use plain::{Call, builtin};
pub(super) use vars::{Key, Named, Now, Path, Slot, Var};
pub(super) use version::{KnownVersion, SemVer};

/// A compiled rule.
pub(super) type Code = Box<dyn Rule>;

/// Something that has a value for a context.
pub(super) trait Rule: Debug + Send + Sync {
    /// Returns its value.
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e>;

    /// Says whether a condition takes its value for true.
    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        self.value(scope).truthy()
    }

    /// Returns the slot that is all there is to it.
    fn slot(&self) -> Option<u32> {
        None
    }
}

/// What a rule sees.
pub(super) struct Scope<'e> {
    /// One evaluation.
    pub(super) machine: &'e Machine<'e>,
    /// What `var` reads: the context, or what the body of `map` and its like is about.
    pub(super) data: Val<'e>,
}

/// What an operator looks at: mostly a member of the context, for which nothing is called.
#[derive(Debug)]
pub(super) enum Operand {
    Slot(u32),
    Rule(Code),
}

impl From<Code> for Operand {
    fn from(code: Code) -> Self {
        code.slot().map_or(Self::Rule(code), Self::Slot)
    }
}

impl Operand {
    /// Returns its value.
    #[inline]
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        match self {
            Self::Slot(slot) => scope.machine.slot(*slot),
            Self::Rule(rule) => rule.value(scope),
        }
    }
}

/// One evaluation of one flag.
pub(super) struct Machine<'e> {
    context: &'e Context<'e>,
    key: &'e str,
    now: i64,
    room: &'e Bump,
    fuel: Cell<usize>,
    gave_up: Cell<bool>,
}

/// How many steps the loops and texts of one evaluation may take: some ten milliseconds.
const FUEL: usize = 1 << 22;

impl<'e> Machine<'e> {
    /// Prepares an evaluation.
    pub(super) fn new(context: &'e Context<'e>, key: &'e str, now: i64, room: &'e Bump) -> Self {
        Self { context, key, now, room, fuel: Cell::new(FUEL), gave_up: Cell::new(false) }
    }

    /// Returns the value of a slot.
    #[inline]
    pub(super) fn slot(&self, slot: u32) -> Val<'e> {
        self.context.slot(slot)
    }

    /// Returns the context as it was read.
    pub(super) fn tape(&self) -> &'e Tape<'e> {
        self.context.tape()
    }

    /// Returns the key of the flag.
    pub(super) fn key(&self) -> &'e str {
        self.key
    }

    /// Returns the time in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Returns the room for intermediate results.
    pub(super) fn room(&self) -> &'e Bump {
        self.room
    }

    /// Says whether so many more steps (items or bytes) may be taken.
    pub(super) fn spend(&self, steps: usize) -> bool {
        if let Some(left) = self.fuel.get().checked_sub(steps) {
            self.fuel.set(left);
            true
        } else {
            self.give_up();
            false
        }
    }

    /// Ends the evaluation: whatever it yields does not count.
    pub(super) fn give_up(&self) {
        self.fuel.set(0);
        self.gave_up.set(true);
    }

    /// Says whether it was ended.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.get()
    }
}

impl<'e> Scope<'e> {
    /// Returns what a rule sees that is about the context.
    pub(super) fn root(machine: &'e Machine<'e>) -> Self {
        Self { machine, data: Val::Map(Map::Context) }
    }

    /// Returns what the body of a loop sees.
    pub(super) fn about(&self, data: Val<'e>) -> Self {
        Self { machine: self.machine, data }
    }
}

/// A value that is always the same.
#[derive(Debug)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Num(super::value::Number),
    Str(Box<str>),
    Deep(Tape<'static>),
}

impl Rule for Constant {
    fn value<'e>(&'e self, _: &Scope<'e>) -> Val<'e> {
        match self {
            Self::Null => Val::Null,
            Self::Bool(it) => Val::Bool(*it),
            Self::Num(it) => Val::Num(*it),
            Self::Str(it) => Val::Str(it),
            Self::Deep(tape) => tape.value(0),
        }
    }
}

/// A list whose items are rules.
#[derive(Debug)]
pub(super) struct Items(pub(super) Box<[Code]>);

impl Rule for Items {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let items = self.0.iter().map(|rule| rule.value(scope));
        Val::List(List::Made(scope.machine.room().alloc_slice_fill_iter(items)))
    }
}

/// A segment: one rule that many share.
#[derive(Debug)]
pub(super) struct Shared(pub(super) std::sync::Arc<dyn Rule>);

impl Rule for Shared {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        self.0.value(scope)
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        self.0.holds(scope)
    }
}
