//! Declaring a project and making releases.

use super::{Decision, one, project};
use crate::{
    command::Asker,
    event::Fact,
    ids::Digest,
    project::Project,
    refusal::{Refusal, RefusalCode},
    release::{Release, ReleaseContent},
    world::World,
};

/// The longest version a release may be called.
const MAX_VERSION: usize = 64;

pub(super) fn declare(world: &World, declared: &Project, bundle: Digest) -> Decision {
    if let Some(known) = &world.project {
        if known.name != declared.name {
            return Err(Refusal::new(
                RefusalCode::Invalid,
                format!("this data belongs to project `{}`, not `{}`", known.name, declared.name),
            )
            .next("start it in the folder of that project, or give another data folder"));
        }
        if **known == *declared && world.bundle == Some(bundle) {
            return Ok(Vec::new());
        }
    }
    one(None, Fact::ProjectDeclared { project: declared.clone(), bundle })
}

pub(super) fn create(world: &World, content: &ReleaseContent, notes: Option<&String>, asker: &Asker) -> Decision {
    project(world)?;
    let version = content.version.trim();
    if version.is_empty() || version.len() > MAX_VERSION || version.chars().any(char::is_control) {
        return Err(Refusal::new(RefusalCode::Invalid, "a release needs a version of 1 to 64 characters")
            .next("towpath release create --version 1.0"));
    }
    let digest = content.digest();
    if world.release_by_digest.contains_key(&digest) {
        return Ok(Vec::new());
    }
    let release = Release {
        number: world.next_release(),
        digest,
        content: content.clone(),
        notes: notes.cloned(),
        created_by: asker.principal.clone(),
        created_at: asker.now,
    };
    one(None, Fact::ReleaseCreated { release: Box::new(release) })
}
