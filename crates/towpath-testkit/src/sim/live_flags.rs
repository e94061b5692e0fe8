//! Live changes of flags in a simulation: people make them, agree and take back, and what is served must be what the ledger says.

use std::sync::Arc;

use towpath_core::{
    config::{Bundle, SourceSet},
    decide::flags::waiting,
    event::{Event, Fact},
    flags::{FlagEdit, FlagKey, FlagPatch, FlagRecord, FlagState, FlagTarget, FlagWish, Percent},
    ids::{EnvironmentName, FlagChangeNumber, PrincipalName},
    world::World,
};
use towpath_engine::{Engine, flags::FlagsAsked, ports::Ledger as _};

use super::{chance::Chance, invariants::Violation};
use crate::MemoryLedger;

/// Flags that every release has.
const KEYS: [&str; 2] = ["checkout", "search"];

/// Returns the bundle of a release: two flags that it changes a little, and one that only it has.
pub(super) fn bundle(number: u64) -> Bundle {
    let flag = |default: &str| {
        format!(r#"{{"state":"ENABLED","variants":{{"on":true,"off":false}},"defaultVariant":"{default}"}}"#)
    };
    let (even, odd) = if number.is_multiple_of(2) { ("on", "off") } else { ("off", "on") };
    let [first, second] = KEYS;
    let text =
        format!(r#"{{"flags":{{"{first}":{},"{second}":{},"only-{number}":{}}}}}"#, flag(even), flag(odd), flag("on"));
    let sources: SourceSet = [("flags/flags.json", text)].into_iter().collect();
    Bundle::of(&sources)
}

/// Somebody changes flags, or agrees to what waits; returns what was acknowledged.
pub(super) async fn change(engine: &Engine, chance: &mut Chance, environment: EnvironmentName) -> Vec<Arc<Event>> {
    let who = ["ana", "ben", "cai"].get(usize::try_from(chance.below(3)).unwrap_or(0)).copied().unwrap_or("ana");
    let Ok(who) = PrincipalName::new(who) else { return Vec::new() };
    let live = engine.world().flags(&environment);
    let asked = waiting(&live, engine.now()).map(|request| request.asked.change.number).next();
    if let Some(number) = asked.filter(|_| chance.one_in(2)) {
        let approved = engine.approve_flags(&who, (&environment, number), None, None, "simulation").await;
        return approved.map(|done| done.events).unwrap_or_default();
    }
    let Some(wish) = wish(engine, chance, &environment) else { return Vec::new() };
    let asked = FlagsAsked { environment, wish, reason: Some("simulation".to_owned()), shown: None };
    // Refusals and faults are part of the weather.
    engine.change_flags(&who, &asked, "simulation").await.map(|(_, done)| done.events).unwrap_or_default()
}

fn wish(engine: &Engine, chance: &mut Chance, environment: &EnvironmentName) -> Option<FlagWish> {
    let key = FlagKey::new(&chance.pick(&KEYS).map_or_else(|| "checkout".to_owned(), str::to_owned)).ok()?;
    let percent: Percent = format!("{}.{}", chance.below(100), chance.below(10)).parse().ok()?;
    let edit = match chance.below(9) {
        0 => FlagEdit::State(key, FlagState::Disabled),
        1 => FlagEdit::State(key, FlagState::Enabled),
        2 | 3 => FlagEdit::Percentage(key, None, percent),
        4 => FlagEdit::Default(key, "on".to_owned()),
        5 => {
            let metadata = serde_json::json!({ "metadata": { "turn": chance.below(5) } });
            FlagEdit::Patch(key, FlagPatch(metadata.as_object().cloned()?))
        }
        6 => FlagEdit::Reset(FlagTarget::Flag(key)),
        7 => {
            let live = engine.world().flags(environment);
            let ours: Vec<FlagChangeNumber> =
                live.records.iter().filter(|it| is_ours(it)).map(|it| it.change.number).collect();
            return Some(FlagWish::Undo(Some(chance.pick(&ours)?)));
        }
        _ => {
            let names: Vec<EnvironmentName> = engine.world().project.as_ref()?.environments.keys().cloned().collect();
            let keys = KEYS.map(str::to_owned).to_vec();
            return Some(FlagWish::Promote { from: chance.pick(&names)?, keys });
        }
    };
    Some(FlagWish::Edit(vec![edit]))
}

/// Says whether a change is only of flags that no rollout turns on.
fn is_ours(record: &FlagRecord) -> bool {
    let ours = |target: &FlagTarget| matches!(target, FlagTarget::Flag(key) if KEYS.contains(&key.as_str()));
    record.change.changes.iter().all(|change| ours(&change.target))
}

/// Checks that every environment serves what its release and the changes of people make.
pub(super) async fn served(engine: &Engine) -> Result<(), Violation> {
    let world = engine.world();
    let Some(project) = world.project.clone() else { return Ok(()) };
    for environment in project.environments.keys() {
        // What cannot be read leaves what is served as it is.
        let Ok(document) = engine.flag_document(&world, environment).await else { continue };
        let served = engine.flags().served(environment);
        if engine.world().size == world.size && served.is_none_or(|served| served.document != document) {
            return Err(Violation::FlagsNotServed(environment.clone()));
        }
    }
    Ok(())
}

/// Checks that every change that was acknowledged is in the ledger as it was.
pub(super) async fn kept(ledger: &MemoryLedger, told: &[Arc<Event>], world: &World) -> Result<(), Violation> {
    let unreadable = |error: &dyn std::fmt::Display| Violation::Unreadable(error.to_string());
    let entries = ledger.read(0, usize::MAX).await.map_err(|error| unreadable(&error))?;
    for event in told.iter().filter(|event| matches!(event.fact, Fact::FlagsChanged(_))) {
        let place = usize::try_from(event.sequence).unwrap_or(usize::MAX);
        let kept = entries.get(place).map(|leaf| Event::from_entry(leaf.entry.clone()));
        if event.sequence >= world.size || kept.and_then(Result::ok).as_ref() != Some(event.as_ref()) {
            return Err(Violation::FlagChangeLost(event.sequence));
        }
    }
    Ok(())
}
