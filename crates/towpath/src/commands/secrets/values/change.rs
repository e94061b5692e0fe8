//! `towpath secrets restore`, `unset`, `destroy`, and what is said of every change.

use std::collections::BTreeSet;

use serde_json::json;
use towpath_server::api::types::{
    DestroySecret, KeptWhy, OverlayEffect, RestoreSecret, RestoreSecrets, SecretChanged, SecretsRestored,
};

use super::{
    super::files::values::{Written, unset_in_file},
    name,
    place::{self, Places},
    reason,
};
use crate::{
    cli::{DestroySecretArgs, RestoreSecretArgs, SecretArgs, UnsetSecretArgs},
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
    words::time,
};

pub(super) fn unset(context: &Context, args: &UnsetSecretArgs) -> Outcome {
    let name = name(&args.which)?;
    let environment = context.environment(&args.which.environment);
    let places = Places::of(context, &environment);
    let Some(file) = place::from(places.as_ref(), name, args.from)? else {
        return client_command(unset_in_store(context, args, &environment, name));
    };
    let written = unset_in_file(context, &file, name)?;
    let shown = json!({ "name": name, "file": file, "changed": written == Written::Changed });
    context.out.show(&shown, |paint| format!("{} in {}: unset\n", paint.bold(name), file.display()))?;
    context.out.next("towpath release create, to bring it into what runs");
    Ok(Exit::Done)
}

async fn unset_in_store(context: &Context, args: &UnsetSecretArgs, environment: &str, name: &str) -> Outcome {
    let client = context.client()?;
    let reason = reason(context, &client, environment, args.how.reason.as_ref()).await?;
    let changed = client.unset_secret(environment, name, reason, args.how.record_only).await?;
    said(context, &changed, "unset")
}

pub(super) async fn restore(context: &Context, args: &RestoreSecretArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let reason = reason(context, &client, &environment, args.how.reason.as_ref()).await?;
    let record_only = args.how.record_only;
    if let Some(at) = args.at {
        let body = RestoreSecrets { at, reason, record_only, dry_run: args.dry_run };
        let restored = client.restore_secrets(&environment, &body).await?;
        context.out.show(&restored, |paint| restored_text(&restored, args.dry_run, paint))?;
        return Ok(Exit::Done);
    }
    let which = SecretArgs {
        environment: args.environment.clone(),
        name: args.name.clone().unwrap_or_default().into(),
        more: Vec::new(),
    };
    let name = name(&which)?;
    let version = args.version.ok_or_else(|| Failure::usage("which version is not said").next("--version NUMBER"))?;
    let changed = client.restore_secret(&environment, name, &RestoreSecret { version, reason, record_only }).await?;
    said(context, &changed, "restored")
}

pub(super) async fn destroy(context: &Context, args: &DestroySecretArgs) -> Outcome {
    let name = name(&args.which)?;
    let client = context.client()?;
    let environment = context.environment(&args.which.environment);
    let mut versions: BTreeSet<u32> = args.versions.iter().copied().collect();
    if args.all || args.older_than.is_some() {
        let history = client.secret_history(&environment, name).await?;
        let living = history.versions.iter().filter(|version| version.destroyed.is_none());
        let wanted = living.map(|version| version.version);
        versions.extend(wanted.filter(|version| args.all || args.older_than.is_some_and(|before| *version < before)));
    }
    if versions.is_empty() {
        return Err(Failure::usage(format!("no version of `{name}` in {environment} is to be destroyed"))
            .next(format!("towpath secrets history {environment} {name}")));
    }
    let reason = reason(context, &client, &environment, args.how.reason.as_ref()).await?;
    let tier = client.environment(&environment).await?.summary.tier;
    let listed = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let what = format!("destruction of version {listed} of {name} in {environment}, for good");
    let confirm = context.confirmation(&environment, tier, &what)?;
    let versions: Vec<u32> = versions.into_iter().collect();
    let body = DestroySecret { versions, reason, record_only: args.how.record_only, confirm };
    let changed = client.destroy_secret(&environment, name, &body).await?;
    said(context, &changed, &format!("version {listed} destroyed"))
}

/// Says what came of a change.
pub(super) fn said(context: &Context, changed: &SecretChanged, what: &str) -> Outcome {
    context.out.show(changed, |paint| changed_text(changed, what, paint))?;
    if let Some(promotion) = changed.promotion {
        context.out.next(&format!("towpath gates p{promotion}"));
    }
    Ok(Exit::Done)
}

fn changed_text(changed: &SecretChanged, what: &str, paint: Paint) -> String {
    let version = match changed.version {
        Some(version) => format!("version {version} is in force"),
        None => "it has no value in the store".to_owned(),
    };
    let mut text = format!("{} in {}: {what}; {version}\n", paint.bold(&changed.name), changed.environment);
    text += &effect_text(&changed.environment, changed.effect, changed.promotion);
    for closed in &changed.closed {
        text += &format!("  {} p{closed}, which is no longer what was asked for\n", paint.yellow("closes"));
    }
    text
}

fn effect_text(environment: &str, effect: OverlayEffect, promotion: Option<u64>) -> String {
    match (effect, promotion) {
        (OverlayEffect::Promotion, Some(promotion)) => {
            format!("  p{promotion} brings it into what runs in {environment}\n")
        }
        (OverlayEffect::Promotion, None) => "  what brings it into force was asked for already\n".to_owned(),
        (OverlayEffect::Unchanged, _) => format!("  what runs in {environment} does not change with it\n"),
        (OverlayEffect::NothingRuns, _) => format!("  nothing runs in {environment} yet; the next release gets it\n"),
        (OverlayEffect::RecordedOnly, _) => "  recorded only; what runs stays as it is\n".to_owned(),
    }
}

fn restored_text(restored: &SecretsRestored, dry_run: bool, paint: Paint) -> String {
    let verb = if dry_run { "would go back" } else { "back" };
    let mut text = format!("{} {verb} to {}\n", paint.bold(&restored.environment), time(restored.at));
    for (name, it) in &restored.restored {
        text += &format!("  {} version {} again, as version {}\n", paint.bold(name), it.of, it.version);
    }
    for (name, why) in &restored.kept {
        let why = match why {
            KeptWhy::Same => "has the value of that time",
            KeptWhy::NotThere => "had no value then; it is left as it is",
            KeptWhy::Destroyed => "its value of that time was destroyed",
        };
        text += &format!("  {} {why}\n", paint.dim(name));
    }
    if let Some(effect) = restored.effect {
        text += &effect_text(&restored.environment, effect, restored.promotion);
    }
    text
}
