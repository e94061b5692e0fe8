//! Scripts of previews and destroyed environments: what is decided, what is due, and what is left of them.

use super::*;
use crate::{
    command::Command,
    decide::{commit, decide},
    event::{Event, Fact},
    ids::{Digest, ReleaseNumber},
    instance::{InstanceId, InstancePhase, InstanceStatus, SetId},
    ledger::Tree,
    plan::plan,
    project::{FlagPolicy, GatePolicy, Tier},
    refusal::Refusal,
    rollout::desired,
    testing::{Play, environment},
    traffic::{Route, RouteId, RouteTable},
    world::{read_snapshot, write_snapshot},
};

fn policy(tier: Tier) -> EnvironmentPolicy {
    EnvironmentPolicy {
        tier,
        after: vec![environment("staging")],
        automatic: true,
        gates: GatePolicy::default(),
        flags: FlagPolicy::default(),
    }
}

fn create(name: &str, tier: Tier, ttl: u64) -> Command {
    Command::CreatePreview {
        environment: environment(name),
        file: "extends: staging\n".to_owned(),
        extends: environment("staging"),
        policy: policy(tier),
        ttl: Millis::from_secs(ttl),
        reason: Some("to look at it".to_owned()),
    }
}

fn preview() -> Play {
    let mut play = Play::new(GatePolicy::default());
    play.release("ana", "1.0");
    play.ask("ana", create("pr-42", Tier::Testing, 60)).unwrap();
    play
}

fn destroy(play: &Play, name: &str, cause: DestroyCause) -> Command {
    let claims = claims(&play.world, &environment(name)).unwrap_or_default();
    Command::Destroy { environment: environment(name), cause, claims, goes: Removed { blobs: 1, ..Removed::default() } }
}

fn asked() -> DestroyCause {
    DestroyCause::Asked { reason: Some("done".to_owned()) }
}

fn destroyed(play: &mut Play, name: &str) {
    let command = destroy(play, name, asked());
    play.ask("ana", command).unwrap();
    let finish = Command::FinishDestroying { environment: environment(name), removed: Removed::default() };
    play.ask("ana", finish).unwrap();
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.fact.kind()).collect()
}

fn line(refusal: &Refusal) -> String {
    format!("{}: {} | {}", refusal.code.name(), refusal.message, refusal.next.as_deref().unwrap_or_default())
}

fn actions(play: &Play, observation: &Observation) -> Vec<String> {
    let told = plan(&play.world, observation, play.now);
    told.iter().map(|action| format!("{action:?}")).collect()
}

fn running(name: &str, revision: Revision) -> Observation {
    let set = SetId { environment: environment(name), service: "web".parse().unwrap(), revision };
    let id = InstanceId { set: set.clone(), index: 0 };
    let status = InstanceStatus {
        id: id.clone(),
        phase: InstancePhase::Ready,
        address: Some(([127, 0, 0, 1], 4000).into()),
        pid: Some(7),
        started_at: None,
        restarts: 0,
        message: None,
        usage: None,
    };
    let mut observation = Observation::default();
    observation.instances.insert(id, status);
    observation.declared.insert(set, 1);
    observation
}

#[test]
fn a_preview_takes_a_release_without_the_order_of_the_pipeline_and_by_nobodys_self() {
    let mut play = preview();
    let ask = play.promote(1, "pr-42");
    assert_eq!(kinds(&play.ask("ben", ask).unwrap()), ["promotion_requested"]);
    let starts = actions(&play, &Observation::default());
    assert!(starts.iter().any(|action| action.starts_with("StartDeployment")), "{starts:?}");
    assert!(!starts.iter().any(|action| action.contains("RequestPromotion") && action.contains("pr-42")), "{starts:?}");
    let held = play.world.policy(&environment("pr-42")).unwrap();
    assert!(held.after.is_empty() && !held.automatic);
    assert_eq!(play.world.live(&environment("pr-42")).file.as_deref(), Some("extends: staging\n"));
}

#[test]
fn what_cannot_be_a_preview_is_refused_with_what_could() {
    let play = preview();
    let said = |command: &Command| line(&play.decide("ana", command).unwrap_err());
    insta::assert_snapshot!(
        [
            said(&create("staging", Tier::Testing, 60)),
            said(&create("pr-42", Tier::Testing, 60)),
            said(&create("pr-43", Tier::Production, 60)),
            said(&create("pr-43", Tier::Testing, 0)),
            said(&create("pr-43", Tier::Testing, 40 * 86_400)),
            said(&Command::ExtendPreview { environment: environment("pr-43"), ttl: Millis::from_secs(60) }),
            said(&Command::ExtendPreview { environment: environment("pr-42"), ttl: Millis::from_secs(1) }),
            said(&destroy(&play, "pr-99", asked())),
            said(&destroy(&play, "staging", asked())),
            said(&destroy(&play, "pr-42", DestroyCause::Expired)),
        ]
        .join("\n"),
        @r#"
    name_taken: there is an environment `staging` already | choose another name
    name_taken: there is a preview `pr-42` already | towpath env extend pr-42, or towpath env destroy pr-42
    invalid: pr-43 would be of tier production: a preview never is | say which tier it is: --tier testing
    invalid: a preview must live longer than 0 | --ttl 24h
    invalid: a preview may live 30d at most from now on, not 40d | --ttl 30d, or another `previews: {max_ttl: …}` in `towpath.yaml`
    not_found: there is no preview `pr-43` | previews: pr-42
    invalid: pr-42 lives until 2026-11-02T08:01:00Z already, which is later than 1s from now | give a longer time, or destroy it
    not_found: nothing is known of an environment `pr-99` | towpath env list
    in_pipeline: staging is in the pipeline, so it cannot be destroyed | take `staging` out of `pipeline` in `towpath.yaml` and start the server again
    stale: pr-42 lives on | 
    "#
    );
}

#[test]
fn a_preview_satisfies_no_gate_of_another_environment() {
    let mut play = preview();
    play.complete(1, "pr-42");
    let mut project = crate::testing::project(GatePolicy::default());
    if let Some(policy) = project.environments.get_mut(&environment("production")) {
        policy.after = vec![environment("pr-42")];
    }
    play.world.project = Some(std::sync::Arc::new(project));
    let refusal = play.decide("ana", &play.promote(1, "production")).unwrap_err();
    assert_eq!(refusal.code.name(), "not_upstream");
    assert!(play.world.passed(&environment("pr-42"), ReleaseNumber(1)).is_none());
}

#[test]
fn the_time_of_a_preview_is_over_when_it_says_so_and_not_before() {
    let mut play = preview();
    let seen = Observation::default();
    let expires = |play: &Play| actions(play, &seen).iter().any(|action| action.starts_with("Expire"));
    play.wait(59);
    assert!(!expires(&play));
    play.ask("ben", Command::ExtendPreview { environment: environment("pr-42"), ttl: Millis::from_secs(60) }).unwrap();
    play.wait(59);
    assert!(!expires(&play));
    play.wait(1);
    assert!(expires(&play));
    let command = destroy(&play, "pr-42", DestroyCause::Expired);
    assert_eq!(kinds(&play.ask("towpath", command).unwrap()), ["environment_destroying"]);
    assert!(!expires(&play));
}

#[test]
fn destroying_closes_what_waits_and_what_rolls_out_first() {
    let mut play = preview();
    let live = play.world.live(&environment("pr-42")).digest();
    let ask = play.promote(1, "pr-42");
    play.ask("ana", ask).unwrap();
    let spec = Box::new(crate::testing::spec(crate::deployment::Strategy::Recreate, 1));
    let start = Command::StartDeployment { promotion: PromotionNumber(1), spec, live };
    play.ask("towpath", start).unwrap();
    play.release("ana", "1.1");
    let ask = play.promote(2, "pr-42");
    play.ask("ana", ask).unwrap();
    let command = destroy(&play, "pr-42", asked());
    let events = play.ask("ana", command.clone()).unwrap();
    assert_eq!(kinds(&events), ["promotion_failed", "rollout_failed", "environment_destroying"]);
    assert!(matches!(&events[0].fact, Fact::PromotionFailed { reason, .. } if reason.contains("destroyed by ana")));
    assert_eq!(play.ask("ana", command).unwrap(), vec![], "asking again is asking once");
    let ask = play.promote(2, "pr-42");
    assert_eq!(play.decide("ana", &ask).unwrap_err().code.name(), "being_destroyed");
    assert_eq!(play.decide("ana", &create("pr-42", Tier::Testing, 9)).unwrap_err().code.name(), "being_destroyed");
}

#[test]
fn what_changed_since_it_was_listed_is_not_destroyed() {
    let mut play = preview();
    let command = destroy(&play, "pr-42", asked());
    play.complete(1, "pr-42");
    assert_eq!(play.decide("ana", &command).unwrap_err().code.name(), "plan_changed");
}

#[test]
fn nothing_is_cleaned_up_before_nothing_runs_and_nothing_is_routed() {
    let mut play = preview();
    play.complete(1, "pr-42");
    let revision = play.world.history(&environment("pr-42")).next().unwrap().revision;
    let command = destroy(&play, "pr-42", asked());
    play.ask("ana", command).unwrap();
    let mut seen = running("pr-42", revision);
    assert!(desired(&play.world, &seen, play.now).sets.is_empty());
    assert!(actions(&play, &seen).iter().any(|action| action.starts_with("Scale") && action.contains("replicas: 0")));
    let cleans = |seen: &Observation| actions(&play, seen).iter().any(|action| action.starts_with("CleanUp"));
    assert!(!cleans(&seen), "it runs");
    seen.instances.clear();
    assert!(!cleans(&seen), "it may be started again");
    seen.declared.clear();
    let id = RouteId { environment: environment("pr-42"), service: "web".parse().unwrap() };
    let route = Route {
        listen: None,
        preview: None,
        backends: std::collections::BTreeMap::new(),
        preview_revision: None,
        hold: Millis(0),
        drain: Millis(0),
    };
    seen.doubtful_routes = Some(RouteTable([(id, route)].into_iter().collect()));
    assert!(!cleans(&seen), "it may be routed to");
    seen.doubtful_routes = None;
    assert!(cleans(&seen));
    assert!(cleans(&seen), "until it is written down");
}

#[test]
fn a_destroyed_environment_leaves_its_history_and_its_name() {
    let mut play = preview();
    play.complete(1, "pr-42");
    let name = environment("pr-42");
    let blob = Digest::of(b"{}");
    assert!(own_blobs(&play.world, &name).contains(&blob));
    destroyed(&mut play, "pr-42");
    assert!(play.world.policy(&name).is_none() && claims(&play.world, &name).is_none());
    let old = play.world.history(&name).next().unwrap().revision;
    assert!(play.world.is_gone(&name, old));
    assert!(!named(&play.world, Keep::Within(&Housekeeping::default())).contains_key(&blob));
    play.ask("ben", create("pr-42", Tier::Testing, 60)).unwrap();
    play.release("ana", "1.1");
    play.complete(2, "pr-42");
    assert_eq!(play.world.history(&name).count(), 2);
    let back = Command::Rollback { environment: name.clone(), to: Some(old), reason: None };
    assert_eq!(play.decide("ben", &back).unwrap_err().code.name(), "not_found");
    let back = Command::Rollback { environment: name, to: None, reason: None };
    assert_eq!(play.decide("ben", &back).unwrap_err().code.name(), "nothing_to_roll_back_to");
}

#[test]
fn an_environment_that_left_the_pipeline_can_be_destroyed() {
    let mut play = Play::new(GatePolicy::default());
    play.release("ana", "1.0");
    play.complete(1, "production");
    let mut project = crate::testing::project(GatePolicy::default());
    project.environments.remove(&environment("production"));
    play.ask("ana", Command::DeclareProject { project, bundle: Digest::of(b"other") }).unwrap();
    destroyed(&mut play, "production");
    assert!(desired(&play.world, &Observation::default(), play.now).sets.is_empty());
}

#[test]
fn the_newest_revisions_are_kept_and_what_runs() {
    let mut play = Play::new(GatePolicy::default());
    for version in 1..=15 {
        play.release("ana", &version.to_string());
        play.complete(version, "staging");
    }
    let rules = Housekeeping { revisions: 3, ..Housekeeping::default() };
    let kept = kept_revisions(&play.world, &rules);
    // Those that were replaced and have not stopped yet run, however old they are.
    assert_eq!(kept.len(), 15);
    if let Some(state) = play.world.environments.get_mut(&environment("staging")) {
        state.retiring.clear();
    }
    let kept: Vec<u64> = kept_revisions(&play.world, &rules).iter().map(|revision| revision.0).collect();
    assert_eq!(kept, [13, 14, 15]);
}

#[test]
fn a_world_with_previews_replays_and_is_read_back_from_a_snapshot() {
    let mut play = preview();
    let mut world = World::default();
    let mut events = Vec::new();
    let asker = crate::command::Asker { principal: crate::testing::principal("ana"), now: play.now };
    let declare = Command::DeclareProject {
        project: crate::testing::project(GatePolicy::default()),
        bundle: Digest::of(b"bundle"),
    };
    for command in [declare, create("pr-1", Tier::Testing, 60), create("pr-2", Tier::Staging, 60)] {
        let (after, new) = commit(world.clone(), decide(&world, &command, &asker).unwrap(), &asker, "test");
        world = after;
        events.extend(new);
    }
    let replayed = events
        .into_iter()
        .fold(World::default(), |world, event| world.apply(&Event::from_entry(event.to_entry()).unwrap()));
    assert_eq!(replayed, world);
    play.complete(1, "pr-42");
    destroyed(&mut play, "pr-42");
    let mut tree = Tree::default();
    for _ in 0..play.world.size {
        tree.append(crate::ledger::Tree::default().root());
    }
    let (_, read) = read_snapshot(&write_snapshot(&play.world, &tree)).unwrap();
    assert_eq!(read, play.world);
}
