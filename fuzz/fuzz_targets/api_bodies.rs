//! Bytes as the body of a request: into every type the API reads, and on into the decision where a body is enough for it.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use towpath_core::{
    command::{Asker, Command},
    config::{Bundle, SourceSet, load},
    decide::{commit, decide},
    deployment::DeploymentSpec,
    ids::{EnvironmentName, PrincipalName, PromotionNumber, ReleaseNumber, Revision},
    release::ReleaseContent,
    world::World,
};
use towpath_server::api::types;

/// A project with gates, so that decisions have something to refuse.
const PROJECT: &str = "project: fuzz
people: {ana: {roles: [developer]}, ben: {roles: [tech-lead]}}
services: {web: {command: [serve]}}
pipeline: [development, staging, production]
";

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", PROJECT);
    for name in ["development", "staging", "production"] {
        sources.insert(format!("environments/{name}.yaml"), "{}\n");
    }
    let project = load(&sources).project().0.expect("the project is right");
    let bundle = Bundle::of(&sources).digest();
    carry_out(World::default(), &Command::DeclareProject { project, bundle })
});

fuzz_target!(|bytes: &[u8]| {
    let text = |it: &str| it.to_owned();
    read::<types::BlobsWanted>(bytes);
    read::<types::CreateRelease>(bytes);
    read::<types::ConfirmRequest>(bytes);
    read::<types::CreatePromotion>(bytes);
    read::<types::RolloutRequest>(bytes);
    read::<types::RollbackRequest>(bytes);
    read::<types::ApproveRequest>(bytes);
    read::<types::RejectRequest>(bytes);
    read::<types::Problem>(bytes);
    let names = String::from_utf8_lossy(bytes);
    let environment = EnvironmentName::new(names.trim()).unwrap_or_else(|_| name("staging"));
    let number = bytes.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut world = WORLD.clone();
    if let Ok(content) = serde_json::from_slice::<ReleaseContent>(bytes) {
        world = carry_out(world, &Command::CreateRelease { content, notes: Some(names.to_string()) });
    }
    if let Ok(spec) = serde_json::from_slice::<DeploymentSpec>(bytes) {
        let (environment, spec) = (environment.clone(), Box::new(spec));
        world = carry_out(world, &Command::Promote { environment, release: ReleaseNumber(1), spec, reason: None });
    }
    let commands = [
        Command::Approve { promotion: PromotionNumber(number), plan: None, comment: Some(names.to_string()) },
        Command::Reject { promotion: PromotionNumber(number), comment: None },
        Command::Confirm { promotion: PromotionNumber(1), item: names.to_string() },
        Command::Rollback { environment: environment.clone(), to: Some(Revision(number)), reason: None },
        Command::Pause { environment: environment.clone(), comment: Some(text(&names)) },
        Command::Abort { environment, reason: Some(names.to_string()) },
    ];
    for command in &commands {
        world = carry_out(world, command);
    }
});

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).expect("a name")
}

fn carry_out(world: World, command: &Command) -> World {
    let asker = Asker { principal: PrincipalName::new("ana").expect("a name"), now: Timestamp::UNIX_EPOCH };
    match decide(&world, command, &asker) {
        Ok(decided) => commit(world, decided, &asker, "fuzz").0,
        Err(refusal) => {
            assert!(!refusal.message.is_empty(), "a refusal says why");
            world
        }
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) {
    let _ = serde_json::from_slice::<T>(bytes);
}
