//! Loops over lists: `map`, `filter`, `all`, `some`, `none`, `reduce`.

use super::{Code, Rule, Scope};
use crate::flags::set::value::{List, Map, Val};

/// What becomes of the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum What {
    Map,
    Filter,
}

/// A list made of another.
#[derive(Debug)]
pub(in super::super) struct Each {
    pub(in super::super) what: What,
    pub(in super::super) list: Code,
    pub(in super::super) body: Code,
    pub(in super::super) cost: usize,
}

impl Rule for Each {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let Val::List(items) = self.list.value(scope) else { return Val::List(List::Made(&[])) };
        let mut made = bumpalo::collections::Vec::new_in(scope.machine.room());
        for item in items.iter() {
            if !scope.machine.spend(self.cost) {
                break;
            }
            match self.what {
                What::Map => made.push(self.body.value(&scope.about(item))),
                What::Filter if self.body.holds(&scope.about(item)) => made.push(item),
                What::Filter => {}
            }
        }
        Val::List(List::Made(made.into_bump_slice()))
    }
}

/// Whether the items of a list meet a condition.
#[derive(Debug)]
pub(in super::super) struct Every {
    pub(in super::super) list: Code,
    pub(in super::super) body: Code,
    pub(in super::super) cost: usize,
    /// The first item that is so decides.
    pub(in super::super) decides: bool,
    /// What the first item yields that decides.
    pub(in super::super) decided: bool,
    /// What an empty list yields.
    pub(in super::super) empty: bool,
}

impl Rule for Every {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        Val::Bool(self.holds(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        let Val::List(items) = self.list.value(scope) else { return self.empty };
        if items.len() == 0 {
            return self.empty;
        }
        for item in items.iter() {
            if scope.machine.spend(self.cost) && self.body.holds(&scope.about(item)) == self.decides {
                return self.decided;
            }
        }
        !self.decided
    }
}

/// One value made of the items of a list.
#[derive(Debug)]
pub(in super::super) struct Reduce {
    pub(in super::super) list: Code,
    pub(in super::super) body: Code,
    pub(in super::super) first: Code,
    pub(in super::super) cost: usize,
}

impl Rule for Reduce {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let mut sum = self.first.value(scope);
        let Val::List(items) = self.list.value(scope) else { return sum };
        for item in items.iter() {
            if !scope.machine.spend(self.cost) {
                break;
            }
            let pair = scope.machine.room().alloc((sum, item));
            sum = self.body.value(&scope.about(Val::Map(Map::Reduced(pair))));
        }
        sum
    }
}
