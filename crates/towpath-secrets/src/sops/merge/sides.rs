//! Three versions of one thing, and which of them holds where no more need be known than which are alike.

use super::Side;

/// What both come from, if they do, and what each made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Three<T> {
    pub(super) base: Option<T>,
    pub(super) ours: T,
    pub(super) theirs: T,
}

impl<T> Three<T> {
    /// Returns one side's version.
    pub(super) fn of(&self, side: Side) -> &T {
        match side {
            Side::Ours => &self.ours,
            Side::Theirs => &self.theirs,
        }
    }

    pub(super) fn as_ref(&self) -> Three<&T> {
        Three { base: self.base.as_ref(), ours: &self.ours, theirs: &self.theirs }
    }

    pub(super) fn map<U>(self, mut make: impl FnMut(T) -> U) -> Three<U> {
        Three { base: self.base.map(&mut make), ours: make(self.ours), theirs: make(self.theirs) }
    }

    /// Applies what may fail to all.
    pub(super) fn try_map<U>(self, mut make: impl FnMut(T) -> Option<U>) -> Option<Three<U>> {
        let base = match self.base {
            Some(base) => Some(make(base)?),
            None => None,
        };
        Some(Three { base, ours: make(self.ours)?, theirs: make(self.theirs)? })
    }

    /// Returns whose version holds: the changed one, ours where they are alike; `None` where both changed it differently.
    pub(super) fn settled(&self, same: impl Fn(&T, &T) -> bool) -> Option<Side> {
        let base = self.base.as_ref();
        if base.is_some_and(|base| same(base, &self.ours)) {
            // Ours may still be spelled in another way than what both come from: theirs too then holds, being the changed one.
            return Some(if base.is_some_and(|base| same(base, &self.theirs)) { Side::Ours } else { Side::Theirs });
        }
        (same(&self.ours, &self.theirs) || base.is_some_and(|base| same(base, &self.theirs))).then_some(Side::Ours)
    }
}
