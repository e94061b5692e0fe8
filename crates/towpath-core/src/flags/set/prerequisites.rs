//! Flags that require others: found, free of circles, and not too many.

use super::{Flag, Required, RuleProblem, RuleProblemKind, place};
use crate::flags::FlagDocument;

/// How long a chain of flags may be that require each other.
const LONGEST: usize = 32;
/// How many parts the rules of a flag and of all that it requires may have, each counted wherever it is required.
const LARGEST: usize = 1 << 20;

/// Connects the flags of a set, which are in the order of the document. A flag whose prerequisites cannot be met gets a problem.
pub(super) fn resolve(document: &FlagDocument, flags: &mut [Flag], costs: Vec<usize>) {
    if document.flags.values().all(|definition| definition.towpath.requires.is_empty()) {
        return;
    }
    for (index, definition) in document.flags.values().enumerate() {
        let found = definition.towpath.requires.iter().map(|it| find(flags, it.flag.as_str(), &it.variant));
        let found: Result<Box<[_]>, _> = found.collect();
        if let Some(flag) = flags.get_mut(index) {
            match found {
                Ok(requires) => flag.requires = requires,
                Err(kind) => fail(flag, kind),
            }
        }
    }
    chains(flags, costs);
}

fn find(flags: &[Flag], key: &str, variant: &str) -> Result<Required, RuleProblemKind> {
    let none = || RuleProblemKind::NoFlag(key.to_owned());
    let flag = flags.binary_search_by(|flag| (*flag.key).cmp(key)).map_err(|_| none())?;
    let of = flags.get(flag).ok_or_else(none)?;
    let variant = place(&of.variants, variant)
        .ok_or_else(|| RuleProblemKind::NoVariant { flag: key.to_owned(), variant: variant.to_owned() })?;
    Ok(Required { flag: u32::try_from(flag).map_err(|_| none())?, variant })
}

fn fail(flag: &mut Flag, kind: RuleProblemKind) {
    flag.problem.get_or_insert_with(|| Box::new(RuleProblem::of(kind)));
    flag.requires = Box::default();
}

/// Goes from the flags that require nothing to those that require them; what is never reached leads round in a circle.
fn chains(flags: &mut [Flag], mut costs: Vec<usize>) {
    let mut wanted_by: Vec<Vec<usize>> = vec![Vec::new(); flags.len()];
    let mut open: Vec<usize> = flags.iter().map(|flag| flag.requires.len()).collect();
    for (index, flag) in flags.iter().enumerate() {
        for required in &flag.requires {
            if let Some(wanted_by) = wanted_by.get_mut(required.flag as usize) {
                wanted_by.push(index);
            }
        }
    }
    let mut heights = vec![0_usize; flags.len()];
    let mut ready: Vec<usize> = (0..flags.len()).filter(|index| open.get(*index) == Some(&0)).collect();
    while let Some(index) = ready.pop() {
        let (height, cost) = flags.get(index).map_or((0, 0), |flag| {
            let of = |all: &[usize], required: &Required| all.get(required.flag as usize).copied().unwrap_or_default();
            let height = flag.requires.iter().map(|it| of(&heights, it) + 1).max().unwrap_or_default();
            let cost = flag.requires.iter().map(|it| of(&costs, it) + 1);
            (height, cost.fold(costs.get(index).copied().unwrap_or_default(), usize::saturating_add))
        });
        let (height, cost) = match flags.get_mut(index) {
            Some(flag) if height > LONGEST => {
                fail(flag, RuleProblemKind::LongChain);
                (0, 0)
            }
            Some(flag) if cost > LARGEST => {
                fail(flag, RuleProblemKind::TooLarge);
                (0, 0)
            }
            _ => (height, cost),
        };
        for (all, it) in [(&mut heights, height), (&mut costs, cost)] {
            all.get_mut(index).into_iter().for_each(|place| *place = it);
        }
        for other in wanted_by.get_mut(index).map(std::mem::take).unwrap_or_default() {
            if let Some(left) = open.get_mut(other) {
                *left -= 1;
                if *left == 0 {
                    ready.push(other);
                }
            }
        }
    }
    for (flag, open) in flags.iter_mut().zip(open) {
        if open > 0 {
            fail(flag, RuleProblemKind::CircleOfFlags);
        }
    }
}
