//! Comparisons: equality, order and `in`.

use std::cmp::Ordering;

use super::{Code, Operand, Rule, Scope};
use crate::flags::set::{mark::Mark, value::Val};

/// `==`, `===` and their opposites.
#[derive(Debug)]
pub(in super::super) struct Equals {
    pub(in super::super) left: Code,
    pub(in super::super) right: Code,
    pub(in super::super) strictly: bool,
    pub(in super::super) not: bool,
}

impl Rule for Equals {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Bool(self.holds(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        let (left, right) = (self.left.value(scope), self.right.value(scope));
        let equal = if self.strictly { left.same(right) } else { left.equals(right, scope.machine) };
        equal != self.not
    }
}

/// An order.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `<` and its like; with a third value, that too must be in order.
#[derive(Debug)]
pub(in super::super) struct Ordered {
    pub(in super::super) order: Order,
    pub(in super::super) left: Code,
    pub(in super::super) middle: Code,
    pub(in super::super) right: Option<Code>,
}

impl Order {
    fn holds(self, found: Option<Ordering>) -> bool {
        found.is_some_and(|found| match self {
            Order::Less => found.is_lt(),
            Order::LessOrEqual => found.is_le(),
            Order::Greater => found.is_gt(),
            Order::GreaterOrEqual => found.is_ge(),
        })
    }
}

impl Rule for Ordered {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Bool(self.holds(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        let (left, middle) = (self.left.value(scope), self.middle.value(scope));
        if !self.order.holds(left.compare(middle, scope.machine)) {
            return false;
        }
        self.right.as_ref().is_none_or(|right| self.order.holds(middle.compare(right.value(scope), scope.machine)))
    }
}

/// `in` a list of texts that is written in the rule.
#[derive(Debug)]
pub(in super::super) struct Among {
    needle: Operand,
    /// Sorted.
    texts: Box<[Mark<Box<[u8]>>]>,
}

impl Among {
    /// Returns the rule.
    pub(in super::super) fn new(needle: Code, texts: &[&str]) -> Self {
        let mut texts: Vec<_> = texts.iter().map(|text| Mark::of(text).kept()).collect();
        texts.sort_unstable();
        texts.dedup();
        Self { needle: needle.into(), texts: texts.into_boxed_slice() }
    }
}

/// Up to here looking at each text is faster than searching.
const FEW: usize = 8;

impl Rule for Among {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Bool(self.holds(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        let Val::Str(needle) = self.needle.value(scope) else { return false };
        let needle = Mark::of(needle);
        if self.texts.len() <= FEW {
            Mark::is_among(&self.texts, needle)
        } else {
            self.texts.binary_search_by(|text| text.borrowed().cmp(&needle)).is_ok()
        }
    }
}

/// `in` anything else: an item of a list, or part of a text.
#[derive(Debug)]
pub(in super::super) struct Within {
    pub(in super::super) needle: Code,
    pub(in super::super) stack: Code,
}

impl Rule for Within {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Bool(self.holds(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        let needle = self.needle.value(scope);
        match self.stack.value(scope) {
            Val::List(items) => scope.machine.spend(items.len()) && items.iter().any(|item| item.same(needle)),
            // An empty text contains nothing: so it is in JavaScript, where it is false.
            Val::Str(text) => {
                !text.is_empty() && scope.machine.spend(text.len() / 8) && text.contains(needle.text(scope.machine))
            }
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::Map(_) => false,
        }
    }
}
