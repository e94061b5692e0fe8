//! Who may start, stop and decide experiments, and when.

use proptest::prelude::*;

use super::*;
use crate::{
    command::Command,
    event::Event,
    experiments::{Arm, RunState, read_experiments},
    ids::Digest,
    project::GatePolicy,
    testing::{Play, environment},
};

fn command(name: &str, change: ExperimentChange) -> Command {
    let (environment, experiment) = (environment("staging"), name.parse().unwrap());
    Command::Experiment(Box::new(ExperimentCommand { environment, experiment, change, reason: None }))
}

fn starting(flag: &str) -> ExperimentChange {
    let text = format!("experiments: {{a: {{flag: {flag}, control: b, treatments: [c], metrics: [{{event: d}}]}}}}");
    let sources = [("flags/experiments/a.yaml", text)].into_iter().collect();
    let definition = read_experiments(&sources).0.into_values().next().unwrap().value;
    let arm = |variant: &str| Arm { variant: variant.to_owned(), weight: 1 };
    let pinned = Pinned { arms: vec![arm("b"), arm("c")], digest: Digest::of(b"as it was") };
    ExperimentChange::Start { definition: Box::new(definition), pinned }
}

fn stopping(run: Option<u32>) -> ExperimentChange {
    ExperimentChange::Stop { run, cause: StopCause::Person }
}

fn deciding(variant: &str, blocked: Option<&str>, force: bool) -> ExperimentChange {
    ExperimentChange::Decide { variant: variant.to_owned(), blocked: blocked.map(str::to_owned), force, summary: None }
}

fn state(play: &Play, name: &str) -> Option<&'static str> {
    let latest = play.world.experiments(&environment("staging"))?.latest(&name.parse().unwrap())?;
    Some(latest.state.word())
}

#[test]
fn an_experiment_runs_ends_and_can_run_again_under_the_next_number() {
    let mut play = Play::new(GatePolicy::default());
    play.ask("ana", command("one", starting("f"))).unwrap();
    assert_eq!(play.ask("ana", command("one", starting("f"))).unwrap_err().code, RefusalCode::AlreadyThere);
    play.ask("ana", command("one", stopping(None))).unwrap();
    assert_eq!(state(&play, "one"), Some("stopped"));
    assert_eq!(play.ask("ana", command("one", stopping(None))).unwrap_err().code, RefusalCode::WrongPhase);
    play.ask("ana", command("one", starting("f"))).unwrap();
    play.ask("ana", command("one", deciding("c", None, false))).unwrap();
    assert_eq!(state(&play, "one"), Some("decided"));
    let runs = &play.world.experiments(&environment("staging")).unwrap().runs[&"one".parse().unwrap()];
    assert_eq!(runs.iter().map(|run| run.number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_flag_is_in_one_running_experiment_at_most() {
    let mut play = Play::new(GatePolicy::default());
    play.ask("ana", command("one", starting("f"))).unwrap();
    let refusal = play.ask("ana", command("two", starting("f"))).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::FlagInExperiment);
    play.ask("ana", command("two", starting("g"))).unwrap();
}

#[test]
fn numbers_that_say_nothing_decide_only_by_force_and_only_for_a_known_variant() {
    let mut play = Play::new(GatePolicy::default());
    play.ask("ana", command("one", starting("f"))).unwrap();
    let refusal = play.ask("ana", command("one", deciding("c", Some("shares"), false))).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::GateClosed);
    assert_eq!(play.ask("ana", command("one", deciding("z", None, false))).unwrap_err().code, RefusalCode::Invalid);
    play.ask("ana", command("one", deciding("c", Some("shares"), true))).unwrap();
}

#[test]
fn what_the_control_plane_says_too_late_changes_nothing() {
    let mut play = Play::new(GatePolicy::default());
    play.ask("ana", command("one", starting("f"))).unwrap();
    let alter = |run| ExperimentChange::Alter { run, what: "changed".to_owned() };
    assert_eq!(play.ask("towpath", command("one", alter(1))).unwrap().len(), 1);
    assert_eq!(play.ask("towpath", command("one", alter(1))).unwrap(), []);
    assert_eq!(play.ask("towpath", command("one", stopping(Some(7)))).unwrap(), []);
    play.ask("ana", command("one", stopping(None))).unwrap();
    assert_eq!(play.ask("towpath", command("one", stopping(Some(1)))).unwrap(), []);
    assert_eq!(play.ask("towpath", command("one", alter(1))).unwrap(), []);
}

#[test]
fn harm_ends_the_experiment_and_gives_everybody_the_control_in_one_step() {
    let mut play = Play::new(GatePolicy::default());
    play.ask("ana", command("one", starting("f"))).unwrap();
    let cause = StopCause::Guardrail { metric: "m".to_owned(), variant: "c".to_owned(), evidence: "worse".to_owned() };
    let events = play.ask("towpath", command("one", ExperimentChange::Stop { run: Some(1), cause })).unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.fact.kind()).collect();
    assert_eq!(kinds, ["experiment_stopped", "flags_changed"]);
    let live = play.world.flags(&environment("staging"));
    let patch = serde_json::to_string(&live.patches["f"]).unwrap();
    assert_eq!(patch, r#"{"defaultVariant":"b","targeting":null}"#);
}

#[test]
fn production_wants_to_know_why_but_never_for_stopping() {
    let mut play = Play::new(GatePolicy::default());
    let experiment = "one".parse().unwrap();
    let at = |change, reason: Option<&str>| {
        let (environment, reason) = (environment("production"), reason.map(str::to_owned));
        let experiment = ExperimentCommand { environment, experiment: Clone::clone(&experiment), change, reason };
        Command::Experiment(Box::new(experiment))
    };
    assert_eq!(play.ask("ana", at(starting("f"), None)).unwrap_err().code, RefusalCode::ReasonRequired);
    play.ask("ana", at(starting("f"), Some("spring"))).unwrap();
    play.ask("ana", at(stopping(None), None)).unwrap();
}

proptest! {
    #[test]
    fn any_order_of_commands_replays_to_the_same_world_and_never_leaves_an_end(steps in prop::collection::vec((0..5_u8, 0..2_usize), 1..40)) {
        let mut play = Play::new(GatePolicy::default());
        let before = play.world.clone();
        let mut events: Vec<Event> = Vec::new();
        for (step, name) in steps {
            let name = ["one", "two"][name];
            let change = match step {
                0 => starting("f"),
                1 => stopping(None),
                2 => deciding("c", None, false),
                3 => stopping(Some(1)),
                _ => ExperimentChange::Alter { run: 1, what: "changed".to_owned() },
            };
            let ended: Vec<_> = ended(&play);
            if let Ok(more) = play.ask("ana", command(name, change)) {
                events.extend(more);
            }
            let after = self::ended(&play);
            prop_assert!(ended.iter().all(|run| after.contains(run)));
            prop_assert!(play.world.experiments(&environment("staging")).is_none_or(|it| it.running().count() <= 1));
        }
        let replayed = events.iter().map(|event| Event::from_entry(event.to_entry()).unwrap()).fold(before, |world, event| world.apply(&event));
        prop_assert_eq!(replayed, play.world);
    }
}

fn ended(play: &Play) -> Vec<(String, u32, RunState)> {
    let experiments = play.world.experiments(&environment("staging"));
    let runs =
        experiments.iter().flat_map(|it| &it.runs).flat_map(|(name, runs)| runs.iter().map(move |run| (name, run)));
    runs.filter(|(_, run)| !run.is_running())
        .map(|(name, run)| (name.to_string(), run.number, run.state.clone()))
        .collect()
}
