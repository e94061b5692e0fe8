//! Rollouts that ship dark and turn a flag on, with an app that asks for it over OFREP: the share as served follows the steps, what
//! breaks with the flag is turned off by itself, and a control plane that is killed carries on.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::bed::{App, Bed, HERE, Version, answers, ask, side_by_side};
use crate::{
    load::{Load, Plan},
    project::until,
};

const STEPS: &str = "{flag: {key: new-checkout, steps: [{pause: manual}, {percent: 10%}, {pause: manual}, \
    {percent: 50%}, {pause: manual}, {percent: 100%}]}}";
const FLAGS: &str = r#"{"flags": {"new-checkout": {"state": "ENABLED", "variants": {"on": true, "off": false},
    "defaultVariant": "off", "towpath": {"owner": "checkout"}}}}"#;

/// A project whose app asks for a flag; its first version runs, and knows the flag if `known`.
struct Flagged {
    bed: Bed,
    server: String,
    key: String,
}

impl Flagged {
    fn new(known: bool) -> Self {
        let bed = Bed::new(App::Flagged);
        let server = bed.file(".towpath/server.json").display().to_string();
        let key = bed.ok("flags keys create development app").trim().to_owned();
        let flagged = Self { bed, server, key };
        if known {
            flagged.bed.write("flags/checkout.json", FLAGS);
        }
        flagged.ship(1, "rolling", "");
        flagged.bed.arrives(HERE, 1);
        flagged.bed.write("flags/checkout.json", FLAGS);
        flagged
    }

    fn ship(&self, number: u64, strategy: &str, breaks: &str) {
        let env = [("SERVER", self.server.as_str()), ("FLAGS_KEY", &self.key), ("BREAKS", breaks)];
        self.bed.ship(Version { number, env: &env, strategy, ..Version::default() });
    }

    /// Returns which of some users have the flag, as the app sees it.
    fn with_flag(&self, users: u32) -> BTreeSet<u32> {
        let address = self.bed.address(HERE);
        let has = |user: &u32| {
            let answer = ask(address, &format!("/?user=u{user}")).unwrap();
            assert!(answer.contains("version"), "{answer}");
            answer.ends_with(" on\n")
        };
        (0..users).filter(has).collect()
    }

    fn load(&self) -> Load {
        let requests = (0..400).map(|user| ("GET", format!("/?user=u{user}"), String::new())).collect();
        let address = self.bed.address(HERE);
        Load::start(&Plan { address, clients: 4, pause: Duration::from_millis(5), requests })
    }

    fn waits_at(&self, release: u64, percent: u64) -> Value {
        self.bed.rollout(release, &format!("waits at {percent} %"), |rollout| {
            rollout["status"] == "paused" && rollout["flag"]["percent"] == percent
        })
    }
}

#[track_caller]
fn about(users: &BTreeSet<u32>, of: u32, percent: u32) {
    let (found, wanted) = (u32::try_from(users.len()).unwrap(), of * percent / 100);
    // Four standard deviations of a draw of so many.
    let wide = 4 * (of * percent * (100 - percent) / 10_000).isqrt() + 1;
    assert!(found.abs_diff(wanted) <= wide, "{found} of {of} have it, not about {wanted}");
}

#[test]
fn the_share_of_the_users_with_a_flag_follows_the_steps_and_goes_back_with_the_revision() {
    let it = Flagged::new(false);
    let load = it.load();
    it.ship(2, STEPS, "");
    it.waits_at(2, 0);
    assert!(it.bed.page().contains("version 2 off"), "the new revision serves everything: {}", it.bed.page());
    assert!(it.with_flag(200).is_empty(), "and nobody has the flag");
    it.bed.ok("rollout resume development");
    it.waits_at(2, 10);
    let tenth = it.with_flag(200);
    about(&tenth, 200, 10);
    let text = it.bed.ok("rollout status development");
    assert!(text.contains("give 10% of the users `on` of `new-checkout`"), "{text}");
    assert!(text.contains("flag new-checkout: 10 % of the users get on"), "{text}");
    let refused = it.bed.fails("flags percentage development new-checkout 80 --variant on", 3);
    assert!(refused.contains("rollout d2 turns on `new-checkout`"), "{refused}");
    it.bed.ok("rollout resume development");
    it.waits_at(2, 50);
    let half = it.with_flag(200);
    about(&half, 200, 50);
    assert!(tenth.is_subset(&half), "who has it keeps it");
    it.bed.ok("rollout promote development");
    assert_eq!(it.bed.ended(2)["status"], "completed");
    assert_eq!(it.with_flag(200).len(), 200);
    // A later release takes it from nobody and has nothing to turn on.
    it.ship(3, STEPS, "");
    let third = it.bed.ended(3);
    assert_eq!(third["status"], "completed", "{third:#}");
    assert_eq!(third["steps"].as_array().unwrap().len(), 1, "{third:#}");
    assert_eq!(it.with_flag(100).len(), 100);
    answers(&load, 100);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}\n{}", it.bed.server_log());
    it.bed.ok("rollback development --to d1 --wait");
    assert!(it.with_flag(50).is_empty(), "the flag went back with the revision");
    assert!(it.bed.ok("audit verify").starts_with("ok"));
}

const JUDGED: &str = "{flag: {key: new-checkout, steps: [{pause: 1s}, {percent: 20%}, {analysis: {interval: 700ms, \
    count: 30, min_requests: 20, inconclusive_limit: 100, max_error_rate: 5%, max_p95: 200ms}}, {percent: 100%}]}}";

#[test]
fn what_fails_with_the_flag_on_is_turned_off_by_itself_and_nothing_fails_after() {
    side_by_side(&["errors", "slow"], 2, |breaks| {
        let it = Flagged::new(true);
        it.ship(2, JUDGED, breaks);
        let load = it.load();
        it.bed.until_rollout(HERE, "fails", |rollout| {
            rollout["release"] == 2 && (rollout["status"] == "rolling_back" || rollout["status"] == "rolled_back")
        });
        // Requests that had asked for the flag before are answered.
        answers(&load, 40);
        let before = load.tally().failed;
        let ended = it.bed.ended(2);
        assert_eq!(ended["status"], "rolled_back", "{ended:#}");
        assert_eq!(ended["failure"]["kind"], "analysis", "{ended:#}");
        assert_eq!(ended["flag"]["percent"], 0, "{ended:#}");
        answers(&load, 200);
        let tally = load.stop();
        assert_eq!(tally.failed, before, "{breaks}: {tally:?}\n{}", it.bed.server_log());
        assert!((*breaks == "errors") == (before > 0), "{breaks}: {tally:?}");
        assert!(it.with_flag(100).is_empty());
        let said = it.bed.ok("rollout status development");
        assert!(said.contains("flag new-checkout: 0 % of the users get on"), "{said}");
        assert!(it.bed.page().contains("version 1"));
    });
}

#[test]
fn switching_the_flag_off_ends_the_rollout() {
    let it = Flagged::new(true);
    it.ship(2, STEPS, "");
    it.waits_at(2, 0);
    it.bed.ok("rollout resume development");
    it.waits_at(2, 10);
    it.bed.ok("flags off development new-checkout --reason 'it hurts'");
    let ended = it.bed.ended(2);
    assert_eq!(ended["failure"]["kind"], "switched_off", "{ended:#}");
    assert!(it.with_flag(50).is_empty());
    it.bed.ship_again(3);
    let refused = it.bed.fails("promote r3 development", 3);
    assert!(refused.contains("it is switched off (`DISABLED`)"), "{refused}");
}

/// When the server is killed, and what is done once it is there again.
struct Kill {
    name: &'static str,
    strategy: &'static str,
    resumes: usize,
    percent: u64,
    abort: bool,
}

#[test]
fn killed_in_any_phase_the_flag_is_where_it_was() {
    const ANALYSED: &str = "{flag: {key: new-checkout, steps: [{percent: 10%}, {analysis: {interval: 500ms, count: 4, \
        min_requests: 1, inconclusive_limit: 50, max_error_rate: 1%}}]}}";
    let usual = |name, resumes, percent, abort| Kill { name, strategy: STEPS, resumes, percent, abort };
    let cases = [
        usual("dark", 0, 0, false),
        usual("a little is on", 1, 10, false),
        usual("half is on", 2, 50, false),
        usual("half is on, then aborted", 2, 50, true),
        Kill { name: "it is analysed", strategy: ANALYSED, resumes: 0, percent: 10, abort: false },
    ];
    side_by_side(&cases, 2, |case| {
        let mut it = Flagged::new(true);
        it.ship(2, case.strategy, "");
        for percent in [0, 10].iter().take(case.resumes) {
            it.waits_at(2, *percent);
            it.bed.ok("rollout resume development");
        }
        it.bed.rollout(2, case.name, |rollout| {
            let kind =
                rollout["step"].as_u64().map(|step| rollout["steps"][usize::try_from(step).unwrap()]["kind"].clone());
            rollout["flag"]["percent"] == case.percent && kind.is_some_and(|kind| kind == "pause" || kind == "analysis")
        });
        let before = it.with_flag(60);
        it.bed.kill();
        it.bed.up();
        assert_eq!(it.with_flag(60), before, "{}", case.name);
        if case.abort {
            it.bed.ok("rollout abort development");
            assert_eq!(it.bed.ended(2)["status"], "aborted", "{}", case.name);
            assert!(it.with_flag(60).is_empty(), "{}", case.name);
            return;
        }
        if case.strategy == STEPS {
            it.bed.ok("rollout promote development");
        }
        let load = it.load();
        assert_eq!(it.bed.ended(2)["status"], "completed", "{}\n{}", case.name, it.bed.server_log());
        let tally = load.stop();
        assert_eq!(tally.failed, 0, "{}: {tally:?}", case.name);
        let last = if case.strategy == STEPS { 60 } else { before.len() };
        assert_eq!(it.with_flag(60).len(), last, "{}", case.name);
        until("nobody is left", || it.bed.instances().iter().all(|one| one.revision == 2).then_some(()));
        assert!(it.bed.ok("audit verify").starts_with("ok"), "{}", case.name);
    });
}
