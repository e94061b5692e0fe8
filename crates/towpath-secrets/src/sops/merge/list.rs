//! Merging the items of lists: what is alike on all sides holds them together, what is between is taken from who changed it.

use std::ops::Range;

use super::{ConflictKind, Merger, Side, block::Part, cut::Piece, lines::matches, same::same, sides::Three};
use crate::sops::path::Step;

impl Merger<'_> {
    pub(super) fn items(&mut self, pieces: &Three<&[Piece<'_>]>, column: usize) -> Vec<Part> {
        let base = pieces.base.unwrap_or_default();
        let (ours, theirs) = (pieces.ours, pieces.theirs);
        let with_ours = matched(base, ours);
        let with_theirs = matched(base, theirs);
        let mut parts = Vec::new();
        let mut at = Three { base: Some(0), ours: 0, theirs: 0 };
        let shared = with_ours.iter().filter_map(|(b, o)| {
            let (_, t) = with_theirs.iter().find(|(other, _)| other == b)?;
            Some((*b, *o, *t))
        });
        for (b, o, t) in shared.chain([(base.len(), ours.len(), theirs.len())]) {
            let start = at.base.unwrap_or(0);
            self.hunk(
                &Three {
                    base: Some(part(base, start..b)),
                    ours: part(ours, at.ours..o),
                    theirs: part(theirs, at.theirs..t),
                },
                (at.ours, column),
                &mut parts,
            );
            if let (Some(base), Some(ours), Some(theirs)) = (base.get(b), ours.get(o), theirs.get(t)) {
                self.steps.push(Step::Item(o));
                parts.push(self.piece(&Three { base: Some(base), ours, theirs }, column));
                self.steps.pop();
            }
            at = Three { base: Some(b + 1), ours: o + 1, theirs: t + 1 };
        }
        parts
    }

    /// Merges the items between two that are the same on all sides.
    fn hunk(&mut self, three: &Three<&[Piece<'_>]>, (index, column): (usize, usize), parts: &mut Vec<Part>) {
        let base = three.base.unwrap_or_default();
        let alike =
            |a: &[Piece<'_>], b: &[Piece<'_>]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a.node, b.node));
        let side = if alike(base, three.ours) {
            Side::Theirs
        } else if alike(base, three.theirs) || alike(three.ours, three.theirs) {
            Side::Ours
        } else if base.len() == three.ours.len() && base.len() == three.theirs.len() {
            for (offset, ((base, ours), theirs)) in base.iter().zip(three.ours).zip(three.theirs).enumerate() {
                self.steps.push(Step::Item(index + offset));
                parts.push(self.piece(&Three { base: Some(base), ours, theirs }, column));
                self.steps.pop();
            }
            return;
        } else {
            self.conflict(ConflictKind::Items)
        };
        let taken = three.of(side).iter().map(|piece| Part { lead: piece.lead(column), body: piece.body(column) });
        parts.extend(taken);
    }
}

fn matched(base: &[Piece<'_>], side: &[Piece<'_>]) -> Vec<(usize, usize)> {
    matches(base.len(), side.len(), |b, s| match (base.get(b), side.get(s)) {
        (Some(base), Some(side)) => same(base.node, side.node),
        (Some(_) | None, _) => false,
    })
}

fn part<'p, 't>(pieces: &'p [Piece<'t>], range: Range<usize>) -> &'p [Piece<'t>] {
    pieces.get(range).unwrap_or_default()
}
