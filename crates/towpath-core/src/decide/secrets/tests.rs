//! Tests of the store of secrets: what is recorded, what is asked for, what is refused.

use super::*;
use crate::{
    command::{Command, Configured},
    deployment::{DeploymentSpec, Strategy},
    ids::{Digest, ReleaseNumber},
    lifecycle::{Keep, named, own_blobs},
    project::{ApprovalPolicy, GatePolicy},
    secrets::{SecretPin, SecretVersion, SourceId},
    testing::{Play, environment, spec},
    units::Millis,
};

fn in_production() -> Play {
    let approvals = Some(ApprovalPolicy {
        required: 1,
        roles: ["tech-lead".parse().unwrap()].into(),
        expires: Millis::from_secs(600),
    });
    let mut play = Play::new(GatePolicy { approvals, ..GatePolicy::default() });
    play.release("ana", "1.0");
    for place in ["development", "staging", "production"] {
        play.complete(1, place);
    }
    play
}

fn blob(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn mark(play: &Play, place: &str, data_key: u32) -> Mark {
    let revision = play.world.secrets(&environment(place)).map_or(0, |store| store.revision()) + 1;
    Mark { revision, data_key, mac: blob(&format!("mac {revision}")) }
}

fn asked(play: &Play, place: &str, change: StoreChange, promote: Option<DeploymentSpec>) -> StoreCommand {
    let newest = play.world.secrets(&environment(place)).and_then(|store| store.newest_key().map(|it| it.0));
    let made = if let StoreChange::MakeDataKey(new) = &change { Some(new.version) } else { None };
    let values = about_values(&change).is_some();
    StoreCommand {
        environment: environment(place),
        change,
        reason: Some("INC-7".to_owned()),
        marks: vec![mark(play, place, made.or(newest).unwrap_or(1))],
        configured: values.then(|| Configured {
            seen: play.world.live(&environment(place)).digest(),
            promote: promote.map(|spec| (ReleaseNumber(1), Box::new(spec))),
            outdated: play.world.waiting().map(|it| it.number).collect(),
        }),
    }
}

fn ask(play: &mut Play, who: &str, command: StoreCommand) -> Result<Vec<&'static str>, Refusal> {
    let events = play.ask(who, Command::ChangeSecrets(Box::new(command)))?;
    Ok(events.iter().map(|event| event.fact.kind()).collect())
}

fn make_key(play: &mut Play, place: &str) {
    let newest = play.world.secrets(&environment(place)).and_then(|store| store.newest_key().map(|it| it.0));
    let version = newest.unwrap_or(0) + 1;
    let new = NewDataKey {
        version,
        project: "shop".to_owned(),
        wrapped: blob(&format!("key {version} of {place}")),
        provider: "fake".to_owned(),
        commitment: blob("commitment"),
    };
    let command = asked(play, place, StoreChange::MakeDataKey(new), None);
    ask(play, "ana", command).unwrap();
}

fn write(name: &str, version: u32) -> StoreChange {
    let ciphertext = blob(&format!("{name} {version}"));
    StoreChange::Write { name: name.to_owned(), version, ciphertext, data_key: 1, origin: SecretOrigin::Given }
}

fn set(play: &mut Play, place: &str, name: &str, version: u32) {
    let command = asked(play, place, write(name, version), None);
    ask(play, "ana", command).unwrap();
}

fn pinned(version: u32) -> DeploymentSpec {
    let pin = SecretPin { from: SourceId("store".to_owned()), version: SecretVersion(version.to_string()) };
    let mut spec = spec(Strategy::Recreate, 1);
    spec.secrets.insert("TOKEN".to_owned(), pin);
    spec
}

fn refused(play: &Play, who: &str, command: StoreCommand) -> String {
    let refusal = play.decide(who, &Command::ChangeSecrets(Box::new(command))).unwrap_err();
    format!("{}: {}", refusal.code.name(), refusal.message)
}

#[test]
fn a_value_and_the_promotion_that_brings_it_are_recorded_together() {
    let mut play = in_production();
    make_key(&mut play, "production");
    let before = play.world.live(&environment("production")).digest();
    let command = asked(&play, "production", write("TOKEN", 1), Some(pinned(1)));
    assert_eq!(ask(&mut play, "ana", command).unwrap(), ["secret_written", "promotion_requested"]);
    let live = play.world.live(&environment("production"));
    assert_ne!(live.digest(), before);
    assert_eq!(live.secrets, [("TOKEN".to_owned(), SecretVersion("1".to_owned()))].into());
    // The next value takes its place, and closes what is no longer what was asked for.
    let command = asked(&play, "production", write("TOKEN", 2), Some(pinned(2)));
    let kinds = ask(&mut play, "ana", command).unwrap();
    assert_eq!(kinds, ["secret_written", "promotion_superseded", "promotion_requested"]);
}

#[test]
fn who_writes_a_value_does_not_approve_it() {
    let mut play = in_production();
    make_key(&mut play, "production");
    let command = asked(&play, "production", write("TOKEN", 1), Some(pinned(1)));
    ask(&mut play, "ben", command).unwrap();
    // Somebody else asks again, so that who asked is not who wrote.
    let spec = Box::new(pinned(1));
    let promote =
        Command::Promote { environment: environment("production"), release: ReleaseNumber(1), spec, reason: None };
    play.ask("ana", Command::Reject { promotion: crate::ids::PromotionNumber(1), comment: None }).unwrap();
    play.ask("ana", promote).unwrap();
    let number = crate::ids::PromotionNumber(2);
    let approve = Command::Approve { promotion: number, plan: None, comment: None };
    let refusal = play.decide("ben", &approve).unwrap_err();
    assert!(refusal.message.contains("you wrote a secret"), "{}", refusal.message);
    assert!(play.decide("cai", &approve).is_ok());
}

#[test]
fn what_was_worked_out_from_another_state_is_refused() {
    let mut play = in_production();
    let early = asked(&play, "development", write("TOKEN", 1), None);
    assert!(refused(&play, "ana", early).starts_with("stale"), "there is no key yet");
    make_key(&mut play, "development");
    let first = asked(&play, "development", write("TOKEN", 1), None);
    let second = first.clone();
    ask(&mut play, "ana", first).unwrap();
    assert!(refused(&play, "ana", second.clone()).starts_with("stale"));
    // With the revision made to fit, the version does not; with both, what it was resolved from.
    let mut forged = StoreCommand { marks: vec![mark(&play, "development", 1)], ..second };
    assert!(refused(&play, "ana", forged.clone()).starts_with("stale"));
    forged.change = write("TOKEN", 2);
    assert!(refused(&play, "ana", forged.clone()).starts_with("stale"));
    forged.configured.as_mut().unwrap().seen = play.world.live(&environment("development")).digest();
    ask(&mut play, "ana", forged).unwrap();
    make_key(&mut play, "development");
    let old = asked(&play, "development", write("TOKEN", 3), None);
    assert!(refused(&play, "ana", old).starts_with("stale"), "new values are encrypted by the newest key");
}

#[test]
fn rights_and_reasons_are_asked_for_where_users_are() {
    let mut play = in_production();
    make_key(&mut play, "production");
    set(&mut play, "production", "TOKEN", 1);
    let silent = StoreCommand { reason: Some(" ".to_owned()), ..asked(&play, "production", write("TOKEN", 2), None) };
    assert!(refused(&play, "ana", silent).starts_with("reason_required"));
    let destroy = || StoreChange::Destroy { name: "TOKEN".to_owned(), versions: [1].into() };
    assert!(refused(&play, "ana", asked(&play, "production", destroy(), None)).starts_with("missing_role"));
    let command = asked(&play, "production", destroy(), None);
    assert_eq!(ask(&mut play, "ben", command).unwrap(), ["secret_destroyed"]);
    let reading = |who: &str, place: &str, reason: Option<&str>| {
        let secrets = vec![Reading { name: "TOKEN".to_owned(), from: "store".to_owned(), version: "1".to_owned() }];
        let reason = reason.map(str::to_owned);
        let command = Command::ReadSecrets { environment: environment(place), secrets, reason };
        play.decide(who, &command).map(|events| events.len()).map_err(|refusal| refusal.code)
    };
    assert_eq!(reading("ana", "production", Some("why")), Err(RefusalCode::MissingRole));
    assert_eq!(reading("zoe", "production", Some("why")), Err(RefusalCode::MissingRole));
    assert_eq!(reading("ben", "production", None), Err(RefusalCode::ReasonRequired));
    assert_eq!(reading("ben", "production", Some("why")), Ok(1));
    assert_eq!(reading("zoe", "development", None), Ok(1));
    assert_eq!(reading("zoe", "nowhere", None), Err(RefusalCode::NotFound));
}

#[test]
fn what_a_revision_runs_with_is_not_destroyed() {
    let mut play = in_production();
    make_key(&mut play, "development");
    set(&mut play, "development", "TOKEN", 1);
    runs(&mut play, 1);
    set(&mut play, "development", "TOKEN", 2);
    let destroy = |version| StoreChange::Destroy { name: "TOKEN".to_owned(), versions: [version].into() };
    let said = refused(&play, "ana", asked(&play, "development", destroy(1), None));
    assert!(said.starts_with("secret_in_use") && said.contains("runs with"), "{said}");
    let command = asked(&play, "development", destroy(2), None);
    ask(&mut play, "ana", command).unwrap();
    let said = refused(&play, "ana", asked(&play, "development", destroy(2), None));
    assert!(said.starts_with("secret_destroyed"), "{said}");
    assert!(refused(&play, "ana", asked(&play, "development", destroy(9), None)).starts_with("not_found"));
}

/// Starts and completes a revision that runs with a version of the secret.
fn runs(play: &mut Play, version: u32) -> crate::ids::Revision {
    let revision = play.world.next_revision();
    let start = Fact::DeploymentStarted {
        revision,
        release: ReleaseNumber(1),
        runs: revision,
        promotion: None,
        rollback: None,
        spec: Box::new(pinned(version)),
    };
    let place = || Some(environment("development"));
    let facts = [start, Fact::RolloutCompleted { revision }];
    let events = facts.into_iter().map(|fact| NewEvent { environment: place(), fact }).collect();
    let asker = Asker { principal: PrincipalName::control_plane(), now: play.now };
    play.world = crate::decide::commit(play.world.clone(), events, &asker, "test").0;
    revision
}

#[test]
fn nobody_goes_back_to_a_revision_whose_secret_was_destroyed() {
    let mut play = in_production();
    make_key(&mut play, "development");
    for version in 1..=2 {
        set(&mut play, "development", "TOKEN", version);
    }
    let first = runs(&mut play, 1);
    let second = runs(&mut play, 2);
    let retired =
        NewEvent { environment: Some(environment("development")), fact: Fact::RevisionRetired { revision: first } };
    let asker = Asker { principal: PrincipalName::control_plane(), now: play.now };
    play.world = crate::decide::commit(play.world.clone(), vec![retired], &asker, "test").0;
    let back = Command::Rollback { environment: environment("development"), to: Some(first), reason: None };
    assert!(play.decide("ana", &back).is_ok(), "{second} runs");
    let change = StoreChange::Destroy { name: "TOKEN".to_owned(), versions: [1].into() };
    let command = asked(&play, "development", change, None);
    ask(&mut play, "ana", command).unwrap();
    assert_eq!(play.decide("ana", &back).unwrap_err().code, RefusalCode::SecretDestroyed);
}

#[test]
fn values_are_restored_as_new_versions_and_a_moment_can_be_asked_for() {
    let mut play = in_production();
    make_key(&mut play, "development");
    let store = |play: &Play| std::sync::Arc::clone(play.world.secrets(&environment("development")).unwrap());
    set(&mut play, "development", "TOKEN", 1);
    let first = play.now;
    play.wait(60);
    set(&mut play, "development", "TOKEN", 2);
    play.wait(60);
    let command = asked(&play, "development", StoreChange::Unset { name: "TOKEN".to_owned() }, None);
    ask(&mut play, "ana", command).unwrap();
    let unset = play.now;
    assert_eq!(store(&play).current("TOKEN"), None);
    play.wait(60);
    let again = Restoration { name: "TOKEN".to_owned(), version: 3, of: 1, ciphertext: blob("TOKEN 3") };
    let change = StoreChange::Restore { secrets: vec![again], data_key: 1 };
    let command = asked(&play, "development", change, None);
    assert_eq!(ask(&mut play, "ana", command).unwrap(), ["secret_restored"]);
    let token = store(&play).secrets["TOKEN"].clone();
    assert_eq!(token.at(first), Some(1));
    assert_eq!(token.at(unset), None);
    assert_eq!(token.at(unset - jiff::SignedDuration::from_secs(1)), Some(2));
    assert_eq!(token.at(play.now), Some(3));
    assert_eq!(token.at(first - jiff::SignedDuration::from_secs(1)), None);
}

#[test]
fn blobs_are_held_while_a_version_has_a_value_and_go_with_the_environment() {
    let mut play = in_production();
    make_key(&mut play, "development");
    set(&mut play, "development", "TOKEN", 1);
    set(&mut play, "development", "TOKEN", 2);
    let place = environment("development");
    let held = |play: &Play, text: &str| {
        let rules = crate::lifecycle::Housekeeping::default();
        named(&play.world, Keep::Within(&rules)).contains_key(&blob(text))
    };
    for text in ["TOKEN 1", "TOKEN 2", "key 1 of development"] {
        assert!(held(&play, text), "{text}");
        assert!(own_blobs(&play.world, &place).contains(&blob(text)));
        assert!(!named(&play.world, Keep::Except(&place)).contains_key(&blob(text)));
        assert!(named(&play.world, Keep::Except(&environment("staging"))).contains_key(&blob(text)));
    }
    let change = StoreChange::Destroy { name: "TOKEN".to_owned(), versions: [1].into() };
    let command = asked(&play, "development", change, None);
    ask(&mut play, "ana", command).unwrap();
    assert!(!held(&play, "TOKEN 1") && held(&play, "TOKEN 2"));
    let erased: Vec<Digest> = play.world.secrets(&place).unwrap().erased().collect();
    assert_eq!(erased, [blob("TOKEN 1")]);
}

#[test]
fn a_data_key_goes_once_nothing_is_encrypted_by_it() {
    let mut play = in_production();
    make_key(&mut play, "development");
    set(&mut play, "development", "TOKEN", 1);
    make_key(&mut play, "development");
    let retire = |version| StoreChange::RetireDataKey { version };
    for version in [1, 2] {
        let said = refused(&play, "ana", asked(&play, "development", retire(version), None));
        assert!(said.starts_with("secret_in_use"), "{said}");
    }
    let anew = Resealed { name: "TOKEN".to_owned(), version: 1, ciphertext: blob("anew") };
    let command = asked(&play, "development", StoreChange::Reseal { data_key: 2, secrets: vec![anew] }, None);
    assert_eq!(ask(&mut play, "ana", command).unwrap(), ["secrets_resealed"]);
    let command = asked(&play, "development", retire(1), None);
    assert_eq!(ask(&mut play, "ana", command).unwrap(), ["data_key_retired"]);
    let store = play.world.secrets(&environment("development")).unwrap();
    assert_eq!(store.keys_in_use(), [2].into());
    assert_eq!((store.data_keys[&1].seals, store.data_keys[&2].seals), (1, 1));
    // Encrypting anew changes no version, so nothing is to be rolled out.
    assert_eq!(store.current("TOKEN"), Some(SecretVersion("1".to_owned())));
}

#[test]
fn names_are_those_of_variables_and_a_wrong_one_is_not_repeated() {
    let mut play = in_production();
    make_key(&mut play, "development");
    for name in ["", "9", "A-B", "A=hunter2", "hunter2!", "-", "A\0", &"A".repeat(257)] {
        let said = refused(&play, "ana", asked(&play, "development", write(name, 1), None));
        assert!(said.starts_with("invalid") && !said.contains("hunter2"), "{said}");
    }
    let near = refused(&play, "ana", asked(&play, "development", StoreChange::Unset { name: "TOKE".to_owned() }, None));
    assert!(near.starts_with("not_found"), "{near}");
}

#[test]
fn what_happened_reads_back_from_the_ledger_and_snapshots() {
    let mut play = in_production();
    make_key(&mut play, "development");
    let mut events = Vec::new();
    for version in 1..=3 {
        let command = asked(&play, "development", write("TOKEN", version), None);
        events.extend(play.ask("ana", Command::ChangeSecrets(Box::new(command))).unwrap());
    }
    let change = StoreChange::Destroy { name: "TOKEN".to_owned(), versions: [1, 2].into() };
    let command = asked(&play, "development", change, None);
    events.extend(play.ask("ana", Command::ChangeSecrets(Box::new(command))).unwrap());
    for event in events {
        let text = serde_json::to_string(&event.to_entry()).unwrap();
        let entry = serde_json::from_str(&text).unwrap();
        assert_eq!(crate::event::Event::from_entry(entry).unwrap(), event);
    }
    let text = serde_json::to_string(&play.world).unwrap();
    let read: World = serde_json::from_str(&text).unwrap();
    assert_eq!(read, play.world);
    // A world from before there were secrets reads as one without any.
    let old = in_production().world;
    let text = serde_json::to_string(&old).unwrap();
    assert!(!text.contains("data_keys"));
    assert_eq!(serde_json::from_str::<World>(&text).unwrap(), old);
}
