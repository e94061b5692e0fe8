//! Tests of the keys of applications.

use super::*;
use crate::{
    command::Command,
    ids::{Digest, KeyName},
    project::GatePolicy,
    testing::{Play, environment},
};

fn new(text: &str) -> NewKey {
    let digest = Digest::of(text.as_bytes());
    NewKey { kind: KeyKind::Client, digest, origins: Vec::new(), per_second: None, expires_at: None }
}

fn ask(play: &mut Play, place: &str, name: &str, change: KeyChange, reason: Option<&str>) -> Result<usize, Refusal> {
    let command = KeyCommand {
        environment: environment(place),
        name: KeyName::new(name).unwrap(),
        change,
        reason: reason.map(str::to_owned),
    };
    play.ask("ana", Command::ChangeFlagKeys(Box::new(command))).map(|events| events.len())
}

fn key(play: &Play, place: &str, name: &str) -> Option<ApplicationKey> {
    let state = play.world.environments.get(&environment(place))?;
    state.flag_keys.0.get(&KeyName::new(name).unwrap()).map(|key| key.as_ref().clone())
}

#[test]
fn a_key_is_made_revoked_and_made_again_under_its_name() {
    let mut play = Play::new(GatePolicy::default());
    assert_eq!(ask(&mut play, "development", "web", KeyChange::Make(new("one")), None), Ok(1));
    let taken = ask(&mut play, "development", "web", KeyChange::Make(new("two")), None).unwrap_err();
    assert_eq!(taken.code, RefusalCode::NameTaken);
    assert_eq!(ask(&mut play, "development", "web", KeyChange::Revoke, Some("it leaked")), Ok(1));
    assert_eq!(ask(&mut play, "development", "web", KeyChange::Revoke, None), Ok(0), "twice has the effect of once");
    let revoked = key(&play, "development", "web").unwrap();
    assert_eq!(revoked.revoked.unwrap().reason.as_deref(), Some("it leaked"));
    assert_eq!(ask(&mut play, "development", "web", KeyChange::Make(new("three")), None), Ok(1));
    assert_eq!(key(&play, "development", "web").unwrap().digest, Digest::of(b"three"));
    assert!(key(&play, "staging", "web").is_none(), "keys are of one environment");
}

#[test]
fn where_users_are_a_new_key_needs_a_reason_and_revoking_none() {
    let mut play = Play::new(GatePolicy::default());
    let refused = ask(&mut play, "production", "web", KeyChange::Make(new("one")), None).unwrap_err();
    assert_eq!(refused.code, RefusalCode::ReasonRequired);
    assert_eq!(ask(&mut play, "production", "web", KeyChange::Make(new("one")), Some("the shop")), Ok(1));
    assert_eq!(ask(&mut play, "production", "web", KeyChange::Revoke, None), Ok(1));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut play = Play::new(GatePolicy::default());
    let now = play.now;
    let cases = [
        NewKey { origins: vec!["https://shop.example.org/".to_owned()], ..new("a") },
        NewKey { origins: vec!["shop.example.org".to_owned()], ..new("a") },
        NewKey { origins: vec!["*".to_owned()], ..new("a") },
        NewKey { kind: KeyKind::Server, origins: vec!["https://shop.example.org".to_owned()], ..new("a") },
        NewKey { per_second: Some(0), ..new("a") },
        NewKey { expires_at: Some(now), ..new("a") },
    ];
    for case in cases {
        let refused = ask(&mut play, "development", "web", KeyChange::Make(case), None).unwrap_err();
        assert_eq!(refused.code, RefusalCode::Invalid, "{refused:?}");
    }
    let refused = ask(&mut play, "development", "wbe", KeyChange::Revoke, None).unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotFound);
}

#[test]
fn no_more_keys_are_made_than_there_may_be() {
    let mut play = Play::new(GatePolicy::default());
    for number in 0..MAX_KEYS {
        ask(&mut play, "development", &format!("k{number}"), KeyChange::Make(new(&number.to_string())), None).unwrap();
    }
    let refused = ask(&mut play, "development", "more", KeyChange::Make(new("more")), None).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Invalid);
}
