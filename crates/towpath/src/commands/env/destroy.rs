//! `towpath env destroy`: everything that goes is listed first, and exactly that is removed.
//!
//! The server's part goes first and the file last: whatever is interrupted, the same command finishes it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use towpath_core::config::{Diagnostic, ENVIRONMENT_FOLDER, Inputs, Loaded, SourceSet, has_errors, load};
use towpath_server::api::types::{DestroyEnvironment, Destruction, LifeState, Tier};

use crate::{
    cli::DestroyArgs,
    client::Client,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes, unwritable},
    output::Paint,
    words::{count, size},
};

/// Time between two looks at what is being destroyed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Blobs and files that are listed one by one; JSON has them all.
const LISTED: usize = 20;

/// What goes.
struct Plan {
    name: String,
    tier: Option<Tier>,
    server: Option<Destruction>,
    file: Option<PathBuf>,
    keep_file: bool,
}

pub(super) async fn run(context: &Context, args: DestroyArgs) -> Outcome {
    let folder = context.folder().ok();
    let loaded = folder.as_ref().map(ProjectFolder::load).transpose()?;
    let name = loaded.as_ref().and_then(|loaded| loaded.find(&args.environment).ok());
    let name = name.map_or_else(|| args.environment.clone(), |name| name.to_string());
    let file = match (&folder, &loaded) {
        (Some(folder), Some(loaded)) => own_file(context, folder, loaded, &name)?,
        _ => None,
    };
    let client = server(context, folder.as_ref())?;
    let server = match &client {
        Some(client) => listing(client, &name).await?,
        None => None,
    };
    let tier = server.as_ref().and_then(|it| it.tier).or_else(|| loaded.as_ref().and_then(|it| tier_of(it, &name)));
    let plan = Plan { name, tier, server, file, keep_file: args.keep_file };
    if plan.server.is_none() && plan.file.is_none() {
        return Err(nothing(loaded.as_ref(), &args.environment));
    }
    if args.dry_run {
        context.out.show(&plan.json(false), |paint| plan.text(paint))?;
        context.out.next(&format!("towpath env destroy {}", plan.name));
        return Ok(Exit::Done);
    }
    context.out.progress(plan.text(context.out.paint_err()).trim_end());
    let confirm = confirmed(context, &plan, args.reason.as_deref())?;
    if let (Some(client), Some(server)) = (&client, &plan.server) {
        let listing = Some(args.listing.unwrap_or_else(|| server.listing.clone()));
        let body = DestroyEnvironment { dry_run: false, listing, reason: args.reason, confirm };
        client.destroy(&plan.name, &body).await?;
        let deadline = args.timeout.map(|timeout| Instant::now() + timeout.to_std());
        if !gone(client, &plan.name, deadline).await? {
            context.out.progress(&format!("{} is still being destroyed; the server goes on", plan.name));
            return Ok(Exit::StillRunning);
        }
    }
    if let Some(path) = plan.file.as_ref().filter(|_| !plan.keep_file) {
        remove(path)?;
    }
    context.out.show(&plan.json(true), |paint| format!("{} {}\n", paint.bold(&plan.name), plan.done()))?;
    Ok(Exit::Done)
}

/// Returns the environment's file, if it has one and the project does without it.
fn own_file(
    context: &Context,
    folder: &ProjectFolder,
    loaded: &Loaded,
    name: &str,
) -> Result<Option<PathBuf>, Failure> {
    let stem = format!("{ENVIRONMENT_FOLDER}/{name}.");
    let mut files = loaded.sources().files().map(|(path, _)| path);
    let Some(path) = files.find(|path| path.starts_with(&stem) && !path[stem.len()..].contains('.')) else {
        return Ok(None);
    };
    let refused = |message: String, next: &str| {
        Failure::new(Exit::Refused, "in_use", message).kept("nothing was removed").next(next.to_owned())
    };
    if loaded.pipeline_has(name) {
        let message = format!("{name} is in the pipeline, so it cannot be destroyed");
        let next = format!("take `{name}` out of `pipeline` in `towpath.yaml`, and towpath up again");
        return Err(refused(message, &next));
    }
    let before = loaded.validate();
    let without: SourceSet = loaded.sources().files().filter(|(other, _)| *other != path).collect();
    let after = load(&without);
    let broken = after.validate().into_iter().filter(Diagnostic::is_error);
    let new: Vec<_> = broken.filter(|one| !before.iter().any(|old| old.message == one.message)).collect();
    if has_errors(&new) {
        let failure = mistakes(after.sources(), &new, context.out.paint_err());
        let failure = failure.unwrap_or_else(|| refused(format!("others need {name}"), ""));
        let why = failure.message().to_owned();
        return Err(Failure::new(Exit::Refused, "in_use", format!("without {name} {why}"))
            .causes_of(failure)
            .kept("nothing was removed"));
    }
    Ok(Some(folder.root().join(path)))
}

fn tier_of(loaded: &Loaded, name: &str) -> Option<Tier> {
    let tier = loaded.resolve(name, &Inputs::default()).environment?.tier;
    Some(match tier {
        towpath_core::project::Tier::Development => Tier::Development,
        towpath_core::project::Tier::Testing => Tier::Testing,
        towpath_core::project::Tier::Staging => Tier::Staging,
        towpath_core::project::Tier::Production => Tier::Production,
    })
}

/// Returns a client, or none where there never was a server that could know something.
fn server(context: &Context, folder: Option<&ProjectFolder>) -> Result<Option<Client>, Failure> {
    let never = context.globals.url.is_none() && folder.is_some_and(|folder| !folder.data().is_dir());
    if never {
        return Ok(None);
    }
    context.client().map(Some).map_err(|failure| failure.kept("nothing was removed"))
}

async fn listing(client: &Client, name: &str) -> Result<Option<Destruction>, Failure> {
    let body = DestroyEnvironment { dry_run: true, ..DestroyEnvironment::default() };
    match client.destroy(name, &body).await {
        Ok(listing) => Ok(Some(listing)),
        Err(failure) if failure.code() == "not_found" => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn nothing(loaded: Option<&Loaded>, name: &str) -> Failure {
    let help = loaded.and_then(|loaded| loaded.find(name).err()).map(|error| error.to_string());
    let message = help.unwrap_or_else(|| format!("there is no environment `{name}`"));
    Failure::new(Exit::Usage, "not_found", message).kept("nothing was removed").next("towpath env list")
}

/// Asks for the name, or takes it from the options; where users are, it has to be said why.
fn confirmed(context: &Context, plan: &Plan, reason: Option<&str>) -> Result<Option<String>, Failure> {
    let name = &plan.name;
    let what = format!("destroying {name}");
    if plan.tier.is_none_or(|tier| tier == Tier::Production) {
        if reason.is_none_or(|reason| reason.trim().is_empty()) {
            let message = format!("{name} may be where users are: destroying it needs a reason");
            let failure = Failure::new(Exit::Usage, "reason_required", message).kept("nothing was removed");
            return Err(failure.next("say why with --reason \"…\""));
        }
        return context.confirmation(name, Tier::Production, &what);
    }
    let given = context.confirmation(name, Tier::Testing, &what)?;
    if given.is_some() || context.globals.yes {
        return Ok(given);
    }
    let refused = |why: &str| {
        Failure::new(Exit::Refused, "not_confirmed", format!("{what} was not confirmed{why}"))
            .kept("nothing was removed")
            .next("add --yes")
    };
    if !context.is_interactive() {
        return Err(refused(""));
    }
    if context.ask(&format!("Type {name} to remove all that"), "")? == *name {
        Ok(Some(name.clone()))
    } else {
        Err(refused(": that is another name"))
    }
}

/// Waits until nothing is left; says whether it is so.
async fn gone(client: &Client, name: &str, deadline: Option<Instant>) -> Result<bool, Failure> {
    loop {
        if client.life(name).await?.state != LifeState::Destroying {
            return Ok(true);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(false);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(false),
        }
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    let next = "remove it by hand, or towpath env destroy again";
    fs::remove_file(path).map_err(|error| unwritable(path, &error).kept("the server's part is gone").next(next))?;
    // What is not flushed may be back after a power cut, and can be removed again.
    let _ = path.parent().map(|folder| fs::File::open(folder).and_then(|folder| folder.sync_all()));
    Ok(())
}

impl Plan {
    fn json(&self, removed: bool) -> Value {
        json!({
            "name": self.name,
            "tier": self.tier,
            "removed": removed,
            "server": self.server,
            "file": self.file,
            "fileKept": self.keep_file,
        })
    }

    fn done(&self) -> &'static str {
        match (&self.file, self.keep_file) {
            (Some(_), false) => "is destroyed, its file too; towpath history still tells of it",
            (Some(_), true) => "is destroyed; its file is kept",
            (None, _) => "is destroyed; towpath history still tells of it",
        }
    }

    fn text(&self, paint: Paint) -> String {
        let tier = self.tier.map(|tier| format!("{} ", paint.tier(tier))).unwrap_or_default();
        let mut text = format!("{tier}{}: this goes\n", paint.bold(&self.name));
        let mut goes = |what: &str, line: String| text += &format!("  {} {what:<10} {line}\n", paint.red("-"));
        if let Some(server) = &self.server {
            listed(server, &mut goes);
        }
        if let Some(file) = self.file.as_ref().filter(|_| !self.keep_file) {
            goes("file", file.display().to_string());
        }
        for one in self.server.iter().flat_map(|server| &server.stays) {
            text += &format!("  {} {:<10} {}: {}\n", paint.dim("="), "stays", one.what, one.because);
        }
        if let Some(file) = self.file.as_ref().filter(|_| self.keep_file) {
            text += &format!("  {} {:<10} {}\n", paint.dim("="), "stays", file.display());
        }
        if let Some(server) = &self.server {
            text += &format!("  listing {}\n", server.listing);
        }
        text
    }
}

fn listed(server: &Destruction, goes: &mut impl FnMut(&str, String)) {
    for one in &server.instances {
        let pid = one.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
        goes("instance", format!("{}{pid}", one.instance));
    }
    for one in &server.routes {
        goes("route", format!("{} at {}", one.service, one.address.as_deref().unwrap_or("no address")));
    }
    server.rollout.iter().for_each(|revision| goes("rollout", format!("d{revision} is stopped")));
    server.promotions.iter().for_each(|number| goes("promotion", format!("p{number} is closed")));
    if !server.revisions.is_empty() {
        goes("revisions", format!("{}, the way back to them", server.revisions.len()));
    }
    server.overlay.iter().for_each(|key| goes("overlay", key.clone()));
    for file in server.files.iter().take(LISTED) {
        goes("on disk", format!(".towpath/{}, {}", file.path, size(file.bytes)));
    }
    more(server.files.len(), "on disk", goes);
    for blob in server.blobs.iter().take(LISTED) {
        goes("blob", format!("{}, {}", blob.digest, size(blob.bytes)));
    }
    more(server.blobs.len(), "blob", goes);
    let bytes: u64 = server.blobs.iter().map(|blob| blob.bytes).sum();
    if !server.blobs.is_empty() {
        goes("in all", format!("{}, {}", count(server.blobs.len() as u64, "blob"), size(bytes)));
    }
}

fn more(all: usize, what: &str, goes: &mut impl FnMut(&str, String)) {
    if all > LISTED {
        goes(what, format!("and {} more; -o json lists them", all - LISTED));
    }
}
