//! The distributions of `fractional`.

use serde_json::Value;

use super::{Compiled, Compiler, TARGETING_KEY};
use crate::flags::{
    Bucketing,
    set::{
        problem::RuleProblem,
        rule::{Begun, Code, Constant, Fractional, Share, Shares, weigh},
        value::{Number, Val},
    },
};

impl<'d> Compiler<'d> {
    pub(super) fn fractional(&mut self, list: &'d [Value]) -> Compiled {
        if list.is_empty() || (self.bucketing == Bucketing::V1 && list.len() < 2) {
            return Ok(Box::new(Constant::Null));
        }
        let first = usize::from(!matches!(list.first(), Some(Value::Array(_))));
        let key = (first == 1).then(|| self.at(list, 0)).transpose()?;
        // An object is hashed with its members sorted.
        self.room |= key.is_some();
        let weights: Option<Vec<_>> =
            list.iter().skip(first).map(|share| known_weight(share, self.bucketing)).collect();
        let sum = weights.iter().flatten().map(|weight| u64::from(*weight)).sum::<u64>();
        let shares = match weights {
            Some(weights) if (1..=Shares::MOST).contains(&sum) => self.fixed(list, first, &weights)?,
            _ => self.loose(list, first)?,
        };
        let (bucketing, targeting_key) = (self.bucketing, TARGETING_KEY);
        let begun = self.flag.map(|flag| Begun::new(flag, bucketing));
        Ok(Box::new(Fractional { key, shares, bucketing, targeting_key, begun }))
    }

    fn fixed(&mut self, list: &'d [Value], first: usize, weights: &[u32]) -> Result<Shares, RuleProblem> {
        let mut end = 0;
        let shares = weights.iter().enumerate().map(|(index, weight)| {
            end += weight;
            Ok((end, self.part(list, first + index, 0)?))
        });
        Ok(Shares::Fixed(shares.collect::<Result<_, RuleProblem>>()?))
    }

    fn loose(&mut self, list: &'d [Value], first: usize) -> Result<Shares, RuleProblem> {
        self.room = true;
        let shares = (first..list.len()).map(|index| {
            let parts = list.get(index).and_then(Value::as_array).map_or(0, Vec::len);
            Ok(match parts {
                1 => Share::Pair(self.part(list, index, 0)?, None),
                2 => Share::Pair(self.part(list, index, 0)?, Some(self.part(list, index, 1)?)),
                _ => Share::Whole(self.at(list, index)?),
            })
        });
        Ok(Shares::Loose(shares.collect::<Result<_, RuleProblem>>()?))
    }

    fn part(&mut self, list: &'d [Value], index: usize, part: usize) -> Result<Code, RuleProblem> {
        let share = list.get(index).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        self.at(share, part).map_err(|problem| problem.below(&index.to_string()))
    }
}

/// Returns the weight of a share if no rule makes it.
fn known_weight(share: &Value, bucketing: Bucketing) -> Option<u32> {
    let weight = match share.as_array()?.as_slice() {
        [_] => 1,
        [_, Value::Number(weight)] => weigh(Val::Num(Number::of(weight)), bucketing)?,
        _ => return None,
    };
    u32::try_from(weight).ok()
}
