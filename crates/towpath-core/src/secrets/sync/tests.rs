//! Every case of a copy: never made, made, changed on either side, removed, not wanted, not known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Remote, SyncReason, SyncStep, Written, plan_sync};

type Case = (
    Option<&'static str>,
    Option<(Option<&'static str>, Option<&'static str>)>,
    Option<(&'static str, Option<&'static str>)>,
);

fn step((wanted, there, written): Case) -> Option<(SyncStep, SyncReason)> {
    let one = |name: &str| name.to_owned();
    let wanted: BTreeMap<String, String> = wanted.map(|digest| (one("A"), one(digest))).into_iter().collect();
    let remote = |(revision, digest): (Option<&str>, Option<&str>)| Remote {
        revision: revision.map(one),
        digest: digest.map(one),
    };
    let there = there.map(|there| (one("A"), remote(there))).into_iter().collect();
    let made = |(digest, revision): (&str, Option<&str>)| Written {
        digest: one(digest),
        revision: revision.map(one),
        at: Timestamp::UNIX_EPOCH,
    };
    let written = written.map(|written| (one("A"), made(written))).into_iter().collect();
    plan_sync(&wanted, &BTreeMap::new(), &there, &written).first().map(|item| (item.step, item.reason))
}

#[test]
fn each_case_has_its_step_and_its_reason() {
    use SyncReason::{ChangedHere, ChangedThere, New, NotWanted, RemovedThere, Same, Unknown};
    use SyncStep::{Create, Orphaned, Unchanged, Update};
    let cases: [(Case, Option<(SyncStep, SyncReason)>); 13] = [
        ((Some("d"), None, None), Some((Create, New))),
        ((Some("d"), None, Some(("d", Some("1")))), Some((Create, RemovedThere))),
        ((Some("d"), Some((Some("1"), None)), None), Some((Update, Unknown))),
        ((Some("d"), Some((Some("1"), None)), Some(("d", Some("1")))), Some((Unchanged, Same))),
        ((Some("d"), Some((Some("2"), None)), Some(("d", Some("1")))), Some((Update, ChangedThere))),
        ((Some("e"), Some((Some("1"), None)), Some(("d", Some("1")))), Some((Update, ChangedHere))),
        ((Some("d"), Some((None, Some("d"))), None), Some((Unchanged, Same))),
        ((Some("e"), Some((None, Some("d"))), Some(("d", None))), Some((Update, ChangedHere))),
        ((Some("e"), Some((None, Some("x"))), Some(("d", None))), Some((Update, ChangedThere))),
        ((Some("e"), Some((None, Some("x"))), None), Some((Update, Unknown))),
        ((None, Some((Some("1"), None)), Some(("d", Some("1")))), Some((Orphaned, NotWanted))),
        ((None, None, Some(("d", Some("1")))), None),
        ((None, Some((Some("1"), None)), None), None),
    ];
    for (case, expected) in cases {
        assert_eq!(step(case), expected, "{case:?}");
    }
}

#[test]
fn what_the_target_forbids_is_said_and_not_done() {
    let wanted = BTreeMap::from([("GITHUB_X".to_owned(), "d".to_owned())]);
    let forbidden = BTreeMap::from([("GITHUB_X".to_owned(), "begins with GITHUB_".to_owned())]);
    let items = plan_sync(&wanted, &forbidden, &BTreeMap::new(), &BTreeMap::new());
    assert_eq!((items[0].step, items[0].rule.as_deref()), (SyncStep::Impossible, Some("begins with GITHUB_")));
}

proptest! {
    /// Others' secrets are never in a plan, and once a plan is carried out the next one has nothing to do.
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do_and_touches_nobody_else(
        wanted in prop::collection::btree_map("[A-F]", "[0-3]", 0..6),
        there in prop::collection::btree_map("[A-J]", "[0-3]", 0..10),
        written in prop::collection::btree_map("[A-F]", ("[0-3]", "[0-3]"), 0..6),
    ) {
        let remote: BTreeMap<String, Remote> =
            there.iter().map(|(name, revision)| (name.clone(), Remote { revision: Some(revision.clone()), digest: None })).collect();
        let mut made: BTreeMap<String, Written> = written
            .into_iter()
            .map(|(name, (digest, revision))| (name, Written { digest, revision: Some(revision), at: Timestamp::UNIX_EPOCH }))
            .collect();
        let items = plan_sync(&wanted, &BTreeMap::new(), &remote, &made);
        prop_assert!(items.iter().all(|item| wanted.contains_key(&item.name) || made.contains_key(&item.name)));
        let mut after = remote.clone();
        for item in items {
            match item.step {
                SyncStep::Create | SyncStep::Update => {
                    let revision = Some("new".to_owned());
                    after.insert(item.name.clone(), Remote { revision: revision.clone(), digest: None });
                    made.insert(item.name, Written { digest: item.digest.unwrap(), revision, at: Timestamp::UNIX_EPOCH });
                }
                SyncStep::Orphaned => {
                    after.remove(&item.name);
                    made.remove(&item.name);
                }
                SyncStep::Unchanged | SyncStep::Impossible => {}
            }
        }
        prop_assert!(plan_sync(&wanted, &BTreeMap::new(), &after, &made).iter().all(super::SyncItem::is_same));
        for (name, before) in &remote {
            if !wanted.contains_key(name) && !made.contains_key(name) && !after.contains_key(name) {
                continue;
            }
            if !wanted.contains_key(name) {
                prop_assert_eq!(after.get(name), Some(before));
            }
        }
    }
}
