//! Conditions: `if`, `and`, `or`.

use super::{Code, Rule, Scope};
use crate::flags::set::value::Val;

/// The value of the first arm whose condition holds.
#[derive(Debug)]
pub(in super::super) struct If {
    pub(in super::super) arms: Box<[(Code, Code)]>,
    pub(in super::super) otherwise: Option<Code>,
}

impl If {
    fn arm<'e>(&'e self, scope: &Scope<'e>) -> Option<&'e Code> {
        let arm = self.arms.iter().find(|(condition, _)| condition.holds(scope));
        arm.map(|(_, value)| value).or(self.otherwise.as_ref())
    }
}

impl Rule for If {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        self.arm(scope).map_or(Val::Null, |rule| rule.value(scope))
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        self.arm(scope).is_some_and(|rule| rule.holds(scope))
    }
}

/// The first value that decides, else the last: `and` is decided by a false one, `or` by a true one.
#[derive(Debug)]
pub(in super::super) struct Both {
    pub(in super::super) decides: bool,
    pub(in super::super) rules: Box<[Code]>,
}

impl Rule for Both {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        let mut value = Val::Null;
        for rule in &self.rules {
            value = rule.value(scope);
            if value.truthy() == self.decides {
                break;
            }
        }
        value
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        if self.decides {
            self.rules.iter().any(|rule| rule.holds(scope))
        } else {
            !self.rules.is_empty() && self.rules.iter().all(|rule| rule.holds(scope))
        }
    }
}
