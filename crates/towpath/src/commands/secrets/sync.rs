//! `towpath secrets sync`: copies of an environment's secrets where other tools need them.
//!
//! First what would be done, by keyed checksums; then item by item, remembering each that went well, so that a run that breaks off
//! is gone on with by running it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use towpath_adapters::sync::{Applied, Change, Means, Patience, SyncError, SyncTarget, digest_of, name_and_only, open};
use towpath_core::{
    config::ResolvedEnvironment,
    ids::EnvironmentName,
    project,
    secrets::{SecretText, SyncItem, SyncSpec, SyncStep, Written, plan_sync},
};
use towpath_secrets::{entropy::SystemEntropy, keyed::DigestKey};
use towpath_server::api::types::Tier;

use self::{record::Record, values::values_of};
use crate::{
    cli::SyncArgs,
    commands::{Outcome, client_command, env::which},
    context::Context,
    digest_key::digest_key,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    output::{Paint, Table},
    words::count,
};

mod record;
mod values;

pub(super) fn run(context: &Context, args: &SyncArgs) -> Outcome {
    let folder = context.folder()?;
    let loaded = folder.load()?;
    let name = which(context, &loaded, Some(&args.environment))?;
    let (environment, values) = values_of(context, &loaded, &name, args)?;
    client_command(work(context, args, &folder, (&environment, &values)))
}

/// One target with its plan.
struct Planned {
    name: String,
    target: Box<dyn SyncTarget>,
    wanted: BTreeMap<String, SecretText>,
    items: Vec<SyncItem>,
    applied: Applied,
}

async fn work(
    context: &Context,
    args: &SyncArgs,
    folder: &ProjectFolder,
    (environment, values): (&ResolvedEnvironment, &BTreeMap<String, SecretText>),
) -> Outcome {
    let name = &environment.name;
    let specs = chosen(&environment.secret_spec.sync, name, args.target.as_deref())?;
    let key = digest_key()?;
    let mut record = Record::read(folder, name)?;
    let mut planned = Vec::new();
    for spec in specs {
        planned.push(plan(folder, spec, values, (&record, &key)).await?);
    }
    let differs = planned.iter().flat_map(|one| &one.items).any(|item| !item.is_same());
    if args.check || args.dry_run || !differs {
        show(context, name, &planned, false)?;
        return Ok(if args.check && differs { Exit::Difference } else { Exit::Done });
    }
    let tier = match environment.tier {
        project::Tier::Development => Tier::Development,
        project::Tier::Testing => Tier::Testing,
        project::Tier::Staging => Tier::Staging,
        project::Tier::Production => Tier::Production,
    };
    if context.out.is_text() {
        context.out.progress(&text(&planned, false, context.out.paint_err()));
    }
    context.confirmation(name.as_str(), tier, &format!("copying secrets of {name} elsewhere"))?;
    for one in &mut planned {
        warn_of_git(context, folder, one);
        apply(one, args.prune, (&mut record, &key), folder).await?;
    }
    show(context, name, &planned, true)?;
    outcome(&planned)
}

/// Returns the targets that are meant.
fn chosen<'s>(
    all: &'s [SyncSpec],
    environment: &EnvironmentName,
    named: Option<&str>,
) -> Result<Vec<&'s SyncSpec>, Failure> {
    if all.is_empty() {
        let message = format!("{environment} has no targets that secrets are copied to");
        return Err(
            Failure::usage(message).next(format!("add `secrets: {{sync: […]}}` to environments/{environment}.yaml"))
        );
    }
    let Some(named) = named else { return Ok(all.iter().collect()) };
    let found: Vec<&SyncSpec> = all.iter().filter(|spec| name_and_only(spec).0 == named).collect();
    if found.is_empty() {
        let known: Vec<&str> = all.iter().map(|spec| name_and_only(spec).0).collect();
        return Err(Failure::usage(format!("{environment} has no target `{named}`; it has {}", known.join(", "))));
    }
    Ok(found)
}

async fn plan(
    folder: &ProjectFolder,
    spec: &SyncSpec,
    values: &BTreeMap<String, SecretText>,
    (record, key): (&Record, &DigestKey),
) -> Result<Planned, Failure> {
    let (name, only) = name_and_only(spec);
    let failed = |error: SyncError| {
        let away = matches!(error, SyncError::Away { .. } | SyncError::Limited { .. });
        let exit = if away { Exit::Unreachable } else { Exit::Failed };
        let failure = Failure::of(exit, "sync", &error).fact("target", name.to_owned()).kept("nothing was changed");
        match error.hint() {
            Some(hint) => failure.next(hint),
            None => failure,
        }
    };
    if let Some(missing) = only.iter().find(|secret| !values.contains_key(*secret)) {
        let message = format!("the target `{name}` takes `{missing}`, which has no value");
        return Err(Failure::new(Exit::Failed, "sync", message)
            .kept("nothing was changed")
            .next("set it, or take it out of `only`"));
    }
    let variable = |variable: &str| std::env::var(variable).ok();
    let means = Means {
        root: folder.root(),
        variable: &variable,
        entropy: Arc::new(SystemEntropy),
        patience: Patience::default(),
    };
    let target = open(spec, &means).map_err(failed)?;
    let wanted: BTreeMap<String, SecretText> = values
        .iter()
        .filter(|(name, _)| only.is_empty() || only.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let there = target.there(key).await.map_err(failed)?;
    let forbidden =
        wanted.iter().filter_map(|(name, value)| Some((name.clone(), target.forbids(name, value)?))).collect();
    let digests =
        wanted.iter().map(|(name, value)| (name.clone(), digest_of(key, &target.id(), name, value))).collect();
    let items = plan_sync(&digests, &forbidden, &there, &record.of(&target.id()));
    Ok(Planned { name: name.to_owned(), target, wanted, items, applied: Applied::new() })
}

async fn apply(
    one: &mut Planned,
    prune: bool,
    (record, key): (&mut Record, &DigestKey),
    folder: &ProjectFolder,
) -> Result<(), Failure> {
    let named = |step: &[SyncStep]| -> BTreeSet<String> {
        one.items.iter().filter(|item| step.contains(&item.step)).map(|item| item.name.clone()).collect()
    };
    let write = named(&[SyncStep::Create, SyncStep::Update]);
    let remove = if prune { named(&[SyncStep::Orphaned]) } else { BTreeSet::new() };
    let id = one.target.id();
    let impossible = named(&[SyncStep::Impossible]);
    let all: BTreeMap<String, SecretText> = one
        .wanted
        .iter()
        .filter(|(name, _)| !impossible.contains(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    one.applied = match one.target.apply(&Change { all: &all, write: &write, remove: &remove }).await {
        Ok(applied) => applied,
        Err(error) => {
            // What was done before it broke off is not known here, and is found by the next plan.
            let exit = Failure::of(Exit::Failed, "sync", &error).fact("target", one.name.clone());
            let failure = exit
                .kept("what was written to other targets stays")
                .next("run it again: what is done is not done twice");
            return Err(failure);
        }
    };
    let now = Timestamp::now();
    for (name, result) in &one.applied {
        let Ok(revision) = result else { continue };
        match all.get(name).filter(|_| write.contains(name)) {
            Some(value) => {
                let digest = digest_of(key, &id, name, value);
                record.wrote(&id, name, Written { digest, revision: revision.clone(), at: now });
            }
            None => record.removed(&id, name),
        }
    }
    record.write(folder)
}

/// Says so where a manifest with values would be taken into git.
fn warn_of_git(context: &Context, folder: &ProjectFolder, one: &Planned) {
    let id = one.target.id();
    let Some(path) = id.strip_prefix("kubernetes file ") else { return };
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(folder.root())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().ok().and_then(|status| status.code())
    };
    let inside = git(&["rev-parse", "--is-inside-work-tree"]) == Some(0);
    if inside && git(&["check-ignore", "-q", "--", path]) == Some(1) {
        context.out.warn(&format!("`{path}` is not ignored by git: its values are only encoded; add it to .gitignore"));
    }
}

fn outcome(planned: &[Planned]) -> Outcome {
    let failed = planned.iter().flat_map(|one| one.applied.values()).filter(|result| result.is_err()).count();
    let impossible = planned.iter().flat_map(|one| &one.items).filter(|item| item.step == SyncStep::Impossible).count();
    if failed + impossible == 0 {
        return Ok(Exit::Done);
    }
    let done = planned.iter().flat_map(|one| one.applied.values()).filter(|result| result.is_ok()).count();
    let message = format!("{} could not be copied", count((failed + impossible) as u64, "secret"));
    let hint = planned.iter().flat_map(|one| one.applied.values()).find_map(|result| result.as_ref().err()?.hint());
    let failure = Failure::new(Exit::Failed, "sync", message).kept(format!("{} done", count(done as u64, "change")));
    Err(failure.next(hint.unwrap_or_else(|| "mend what is said of each, then run it again".to_owned())))
}

fn show(context: &Context, name: &EnvironmentName, planned: &[Planned], done: bool) -> Result<(), Failure> {
    let targets: Vec<Value> = planned.iter().map(as_json).collect();
    let value = json!({ "environment": name, "applied": done, "targets": targets });
    context.out.show(&value, |paint| text(planned, done, paint))
}

fn as_json(one: &Planned) -> Value {
    let items = one.items.iter().map(|item| {
        let mut value = json!(item);
        if let Some(object) = value.as_object_mut() {
            if let Some(digest) = &item.digest {
                object.insert("digest".to_owned(), json!(short(digest)));
            }
            match one.applied.get(&item.name) {
                Some(Ok(_)) => object.insert("result".to_owned(), json!("done")),
                Some(Err(error)) => {
                    object.insert("error".to_owned(), json!(error.to_string()));
                    object.insert("result".to_owned(), json!("failed"))
                }
                None => None,
            };
        }
        value
    });
    json!({ "name": one.name, "title": one.target.title(), "items": items.collect::<Vec<_>>() })
}

/// Returns the first digits of a keyed digest: enough to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn text(planned: &[Planned], done: bool, paint: Paint) -> String {
    let mut text = String::new();
    for one in planned {
        text += &format!("{}: {}\n", paint.bold(&one.name), one.target.title());
        let mut table = Table::new(&["  SECRET", "STEP", "CHECKSUM", ""]);
        for item in &one.items {
            let (step, note) = row(item, one.applied.get(&item.name), done, paint);
            let digest = item.digest.as_deref().map(short).unwrap_or_default().to_owned();
            table.row(vec![format!("  {}", item.name), step, digest, note]);
        }
        text += &if table.is_empty() { "  nothing is to be copied\n".to_owned() } else { table.text(paint) };
    }
    text
}

fn row(
    item: &SyncItem,
    result: Option<&Result<Option<String>, SyncError>>,
    done: bool,
    paint: Paint,
) -> (String, String) {
    let note = item.rule.clone().unwrap_or_else(|| item.reason.words().to_owned());
    let note = if item.reason.is_drift() { paint.yellow(&note) } else { note };
    let past = |word: &str, now: &str| if done && result.is_some() { word.to_owned() } else { now.to_owned() };
    let step = match item.step {
        SyncStep::Create => past("created", "create"),
        SyncStep::Update => past("updated", "update"),
        SyncStep::Unchanged => paint.dim("unchanged"),
        SyncStep::Orphaned => past("removed", "orphaned"),
        SyncStep::Impossible => paint.red("impossible"),
    };
    match result {
        Some(Err(error)) => (paint.red("failed"), error.to_string()),
        Some(Ok(_)) => (paint.green(&step), note),
        None => (step, note),
    }
}
