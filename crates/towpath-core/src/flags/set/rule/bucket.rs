//! `fractional`: the same share of everybody, always the same ones.
//!
//! Three generations are in use, and a change of generation moves users: so each flag pins its own (see [`Bucketing`]).

use super::{Code, Machine, Rule, Scope, cbor, murmur::Murmur};
use crate::flags::{
    Bucketing,
    set::value::{List, Val},
};

/// A distribution over variants.
#[derive(Debug)]
pub(in super::super) struct Fractional {
    /// What is hashed; absent means flag and targeting key.
    pub(in super::super) key: Option<Code>,
    pub(in super::super) shares: Shares,
    pub(in super::super) bucketing: Bucketing,
    /// The slot of the targeting key.
    pub(in super::super) targeting_key: u32,
    /// The hash of the flag, where it is known whose rule this is.
    pub(in super::super) begun: Option<Begun>,
}

/// A hash of flag and targeting key, as far as the flag.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Begun(Murmur);

impl Begun {
    /// Hashes the key of a flag.
    pub(in super::super) fn new(flag: &str, bucketing: Bucketing) -> Self {
        Self(match bucketing {
            Bucketing::V3 => cbor::begin_pair(flag),
            Bucketing::V1 | Bucketing::V2 => {
                let mut hash = Murmur::default();
                hash.write(flag.as_bytes());
                hash
            }
        })
    }

    /// Goes on with the targeting key.
    #[inline]
    fn end(self, targeting_key: &str, bucketing: Bucketing) -> u32 {
        let Self(mut hash) = self;
        match bucketing {
            Bucketing::V3 => cbor::end_pair(hash, targeting_key),
            Bucketing::V1 | Bucketing::V2 => {
                hash.write(targeting_key.as_bytes());
                hash.finish()
            }
        }
    }
}

/// Who gets what.
#[derive(Debug)]
pub(in super::super) enum Shares {
    /// All weights are known, and their sum is right: each share ends where the next one begins.
    Fixed(Box<[(u32, Code)]>),
    /// Weights or shares are rules.
    Loose(Box<[Share]>),
}

/// One share.
#[derive(Debug)]
pub(in super::super) enum Share {
    /// A name, and a weight if it is not 1.
    Pair(Code, Option<Code>),
    /// A rule that yields both as a list.
    Whole(Code),
}

impl Shares {
    /// The largest sum of weights.
    pub(in super::super) const MOST: u64 = i32::MAX as u64;
}

impl Rule for Fractional {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        self.choose(scope).unwrap_or(Val::Null)
    }
}

impl Fractional {
    fn choose<'e>(&'e self, scope: &Scope<'e>) -> Option<Val<'e>> {
        let machine = scope.machine;
        let key = self.key.as_ref().map(|key| key.value(scope));
        let hash = match (key, self.bucketing) {
            (None | Some(Val::List(_)), _) | (Some(Val::Null), Bucketing::V1 | Bucketing::V2) => {
                let begun = self.begun.unwrap_or_else(|| Begun::new(machine.key(), self.bucketing));
                begun.end(self.targeting_key(machine)?, self.bucketing)
            }
            (Some(Val::Str(key)), Bucketing::V1 | Bucketing::V2) => Murmur::hash(key.as_bytes()),
            // For v1 and v2 what is no text counts as the first share, and is none.
            (Some(Val::Null), Bucketing::V3)
            | (Some(Val::Bool(_) | Val::Num(_) | Val::Map(_)), Bucketing::V1 | Bucketing::V2) => return None,
            (Some(key), Bucketing::V3) => cbor::hash(key, machine)?,
        };
        match (&self.shares, key) {
            (
                Shares::Fixed(shares),
                None | Some(Val::Null | Val::Bool(_) | Val::Num(_) | Val::Str(_) | Val::Map(_)),
            ) => {
                let total = shares.last()?.0;
                let ends = shares.iter().map(|(end, _)| u64::from(*end));
                shares.get(self.place(hash, ends, u64::from(total))?).map(|(_, name)| name.value(scope))
            }
            (shares, key) => self.weigh(hash, shares, key, scope),
        }
    }

    fn targeting_key<'e>(&self, machine: &Machine<'e>) -> Option<&'e str> {
        match machine.slot(self.targeting_key) {
            Val::Str(key) if !key.is_empty() => Some(key),
            Val::Str(_) | Val::Null | Val::Bool(_) | Val::Num(_) | Val::List(_) | Val::Map(_) => None,
        }
    }

    /// Returns which share a hash falls into, by the ends of all.
    #[expect(clippy::cast_precision_loss, reason = "sums of weights have 31 bits")]
    fn place(&self, hash: u32, mut ends: impl Iterator<Item = u64>, total: u64) -> Option<usize> {
        match self.bucketing {
            Bucketing::V1 => {
                let bucket = f64::from(hash.cast_signed()).abs() / f64::from(i32::MAX) * 100.0;
                // Summed up share by share, as it was: another order of rounding would move somebody.
                let (mut start, mut range) = (0, 0.0);
                ends.position(|end| {
                    range += 100.0 * (end - start) as f64 / total as f64;
                    start = end;
                    bucket < range
                })
            }
            Bucketing::V2 | Bucketing::V3 => {
                let bucket = (u64::from(hash) * total) >> 32;
                ends.position(|end| bucket < end)
            }
        }
    }

    fn weigh<'e>(
        &'e self,
        hash: u32,
        shares: &'e Shares,
        first: Option<Val<'e>>,
        scope: &Scope<'e>,
    ) -> Option<Val<'e>> {
        let mut ends = bumpalo::collections::Vec::new_in(scope.machine.room());
        let mut total = 0_u64;
        let mut add = |name: Val<'e>, weight: u64| {
            total += weight;
            ends.push((total, name));
            (total <= Shares::MOST).then_some(())
        };
        if let Some(Val::List(share)) = first {
            let (name, weight) = self.pair(share)?;
            add(name, weight)?;
        }
        match shares {
            Shares::Fixed(shares) => {
                let mut start = 0;
                for (end, name) in shares {
                    add(name.value(scope), u64::from(end - start))?;
                    start = *end;
                }
            }
            Shares::Loose(shares) => {
                for share in shares {
                    let (name, weight) = match share {
                        Share::Pair(name, None) => (name.value(scope), 1),
                        Share::Pair(name, Some(weight)) => (name.value(scope), self.weight(weight.value(scope))?),
                        Share::Whole(rule) => match rule.value(scope) {
                            Val::List(share) => self.pair(share)?,
                            Val::Null | Val::Bool(_) | Val::Num(_) | Val::Str(_) | Val::Map(_) => return None,
                        },
                    };
                    add(name, weight)?;
                }
            }
        }
        let total = ends.last().map(|(end, _)| *end).filter(|total| *total > 0)?;
        let place = self.place(hash, ends.iter().map(|(end, _)| *end), total)?;
        ends.get(place).map(|(_, name)| *name)
    }

    fn pair<'e>(&self, share: List<'e>) -> Option<(Val<'e>, u64)> {
        let mut parts = share.iter();
        let (name, weight) = (parts.next()?, parts.next());
        match (weight, parts.next()) {
            (None, _) => Some((name, 1)),
            (Some(weight), None) => Some((name, self.weight(weight)?)),
            (Some(_), Some(_)) => None,
        }
    }

    fn weight(&self, weight: Val<'_>) -> Option<u64> {
        weigh(weight, self.bucketing)
    }
}

/// Returns the weight that a value is: a whole number, where less than nothing is nothing.
pub(in super::super) fn weigh(weight: Val<'_>, bucketing: Bucketing) -> Option<u64> {
    let number = match (weight, bucketing) {
        (Val::Num(number), _) => number,
        // The older generations take none for 1.
        (Val::Null, Bucketing::V1 | Bucketing::V2) => return Some(1),
        _ => return None,
    };
    let whole = match (number.whole(), bucketing) {
        (None, Bucketing::V1) => crate::flags::set::value::Number::Float(number.float().trunc()).whole()?,
        (whole, _) => whole?,
    };
    u64::try_from(whole.max(0)).ok().filter(|weight| *weight <= Shares::MOST)
}
