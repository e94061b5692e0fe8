//! `towpath release …`: files and configuration pinned together.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use towpath_core::{
    config::{Bundle, Loaded},
    ids::{ArtifactName, Digest},
};
use towpath_server::api::types::{ArtifactView, CreateRelease, ReleaseContent, ReleasePlaceState, ReleaseView};

use super::{Outcome, watch};
use crate::{
    artifacts::{self, Artifact},
    cli::{CreateArgs, ReleaseCommand},
    client::Client,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes},
    git,
    output::{Paint, Table},
    words::{count, short, size, time, word},
};

/// How long an environment that takes releases by itself may take to begin.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// Time between two looks at whether a release is taken.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn run(context: &Context, command: ReleaseCommand) -> Outcome {
    match command {
        ReleaseCommand::Create(args) => create(context, args).await,
        ReleaseCommand::List { limit } => list(context, limit).await,
        ReleaseCommand::Show { release } => {
            let release = context.client()?.release(release.0).await?;
            context.out.show(&release, |paint| shown(&release, paint))?;
            Ok(Exit::Done)
        }
    }
}

async fn create(context: &Context, args: CreateArgs) -> Outcome {
    let waits = args.wait;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout.to_std());
    let (new, release, uploaded) = make(context, args).await?;
    context.out.show(&release, |paint| created(&release, new, &uploaded, paint))?;
    if waits {
        return follow(context, &release, deadline).await;
    }
    context.out.next(&format!("towpath promote r{} ENVIRONMENT, or towpath status", release.number));
    Ok(Exit::Done)
}

/// Follows a release into every environment that takes it by itself.
async fn follow(context: &Context, release: &ReleaseView, deadline: Option<Instant>) -> Outcome {
    let client = context.client()?;
    let status = client.status().await?;
    for environment in status.environments.iter().filter(|one| one.automatic && one.after.is_empty()) {
        let began_by = Instant::now() + TAKEN_WITHIN;
        let began = loop {
            let found = client.release(release.number).await?.places;
            let place = found.into_iter().find(|place| place.environment == environment.name);
            if let Some(place) = place {
                break place.revision;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                context.out.progress(&format!("r{} has not begun in {}", release.number, environment.name));
                return Ok(Exit::StillRunning);
            }
            if Instant::now() >= began_by {
                let message = format!("{} does not take r{}", environment.name, release.number);
                return Err(Failure::new(Exit::Failed, "not_taken", message)
                    .kept(format!("r{} was made", release.number))
                    .next(format!("towpath promote r{} {}, which says why", release.number, environment.name)));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
            }
        };
        let exit = watch::follow(context, client.clone(), &environment.name, Some(began), deadline).await?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

/// Makes a release of the project as it is now; says whether it is new and what had to be uploaded.
pub(crate) async fn make(context: &Context, args: CreateArgs) -> Result<(bool, ReleaseView, Uploaded), Failure> {
    let folder = context.folder()?;
    let client = context.client()?;
    let loaded = folder.load()?;
    let diagnostics = loaded.validate();
    if let Some(failure) = mistakes(loaded.sources(), &diagnostics, context.out.paint_err()) {
        return Err(failure.kept("no release was made"));
    }
    for found in diagnostics.iter().filter(|found| found.is_plain_secret()) {
        let place = found.primary.map(|label| loaded.sources().place(label)).unwrap_or_default();
        context.out.warn(&format!("{place}: {}; its value is left out of the release", found.message));
    }
    let head = git::commit(folder.root());
    let version = args.version.or_else(|| git::version(folder.root())).ok_or_else(|| {
        Failure::usage("the release needs a version: there is no git commit to name it after")
            .next("towpath release create --version 1.0")
    })?;
    let artifacts = read_artifacts(&folder, &loaded, &args.artifacts)?;
    let bundle = Bundle::of(loaded.sources());
    let sent = upload(context, &client, &artifacts, &bundle).await?;
    let views = artifacts.iter().map(|(name, artifact)| (name.to_string(), view(artifact))).collect();
    let made_of = ReleaseContent { version, artifacts: views, bundle: bundle.digest().to_string(), commit: head };
    let (new, release) = client.create_release(&CreateRelease { content: made_of, notes: args.notes }).await?;
    Ok((new, release, sent))
}

fn view(artifact: &Artifact) -> ArtifactView {
    let files = artifact.tree.entries().len() as u64;
    ArtifactView { tree: artifact.tree.digest().to_string(), files, size: artifact.tree.size() }
}

/// Reads the artifacts that the project declares, replaced and added to by those of the command line.
fn read_artifacts(
    folder: &ProjectFolder,
    loaded: &Loaded,
    given: &[String],
) -> Result<BTreeMap<ArtifactName, Artifact>, Failure> {
    let mut paths: BTreeMap<ArtifactName, PathBuf> =
        loaded.artifacts().map(|(name, path)| (name.clone(), folder.root().join(path))).collect();
    for pair in given {
        let wrong = || Failure::usage(format!("`{pair}` is not NAME=DIR")).next("--artifact web=./dist");
        let (name, path) = pair.split_once('=').ok_or_else(wrong)?;
        let name = ArtifactName::new(name).map_err(|error| Failure::of(Exit::Usage, "usage", &error))?;
        paths.insert(name, PathBuf::from(path));
    }
    paths.into_iter().map(|(name, path)| Ok((name, artifacts::read(folder.root(), &path)?))).collect()
}

/// What went over the wire.
#[derive(Debug, Default)]
pub(crate) struct Uploaded {
    /// How many blobs the server lacked.
    pub blobs: u64,
    /// Their length in all.
    pub bytes: u64,
    /// How many blobs it had.
    pub known: u64,
}

async fn upload(
    context: &Context,
    client: &Client,
    artifacts: &BTreeMap<ArtifactName, Artifact>,
    bundle: &Bundle,
) -> Result<Uploaded, Failure> {
    let mut small: BTreeMap<Digest, Vec<u8>> =
        artifacts.values().map(|artifact| (artifact.tree.digest(), artifact.tree.canonical())).collect();
    small.insert(bundle.digest(), bundle.to_bytes());
    let files: BTreeMap<Digest, &PathBuf> =
        artifacts.values().flat_map(|artifact| artifact.files.iter().map(|(digest, path)| (*digest, path))).collect();
    // Manifests last: whoever finds one finds its files.
    let digests: Vec<Digest> = files.keys().chain(small.keys()).copied().collect();
    let missing = client.missing(&digests).await?;
    let mut uploaded =
        Uploaded { known: (digests.len() - missing.len().min(digests.len())) as u64, ..Uploaded::default() };
    for (index, digest) in missing.iter().enumerate() {
        let stored = match (small.remove(digest), files.get(digest)) {
            (Some(bytes), _) => client.upload(digest, bytes).await?,
            (None, Some(path)) => client.upload_file(digest, path).await?,
            (None, None) => continue,
        };
        uploaded.blobs += 1;
        uploaded.bytes += stored.size;
        if (index + 1) % 100 == 0 {
            context.out.progress(&format!("[{}/{}] uploaded {}", index + 1, missing.len(), size(uploaded.bytes)));
        }
    }
    Ok(uploaded)
}

fn created(release: &ReleaseView, new: bool, uploaded: &Uploaded, paint: Paint) -> String {
    let name = paint.bold(&format!("r{}", release.number));
    let digest = short(&release.digest);
    if !new {
        return format!("{name} {} ({digest}) is the same release; nothing was made\n", release.version);
    }
    let mut table = Table::new(&[]);
    let mut fact = |label: &str, value: String| table.row(vec![format!("  {}", paint.dim(label)), value]);
    for (artifact, view) in &release.content.artifacts {
        fact(
            "artifact",
            format!("{artifact}  {}, {}  {}", count(view.files, "file"), size(view.size), short(&view.tree)),
        );
    }
    fact("bundle", short(&release.content.bundle).to_owned());
    if let Some(commit) = &release.content.commit {
        let dirty = if commit.dirty { ", with changes that are not committed" } else { "" };
        fact("commit", format!("{}{dirty}", commit.id.get(..12).unwrap_or(&commit.id)));
    }
    let known = if uploaded.known > 0 { format!("; {} known already", uploaded.known) } else { String::new() };
    fact("uploaded", format!("{}, {}{known}", count(uploaded.blobs, "blob"), size(uploaded.bytes)));
    format!("{name} {} ({digest}) made\n{}", release.version, table.text(paint))
}

async fn list(context: &Context, limit: usize) -> Outcome {
    let releases = context.client()?.releases(limit).await?;
    context.out.list(&releases, |paint| {
        let mut table = Table::new(&["RELEASE", "VERSION", "MADE", "BY", "WHERE"]);
        for release in &releases {
            let number = paint.bold(&format!("r{}", release.number));
            let made = time(release.created_at);
            table.row(vec![number, release.version.clone(), made, release.created_by.clone(), places(release)]);
        }
        if table.is_empty() { "no releases yet\n".to_owned() } else { table.text(paint) }
    })?;
    if releases.is_empty() {
        context.out.next("towpath release create --version 1.0");
    }
    Ok(Exit::Done)
}

fn places(release: &ReleaseView) -> String {
    let places = release.places.iter().map(|place| match place.state {
        ReleasePlaceState::Current => place.environment.clone(),
        ReleasePlaceState::RollingOut | ReleasePlaceState::Replaced | ReleasePlaceState::Failed => {
            format!("{} ({})", place.environment, word(&place.state))
        }
    });
    places.collect::<Vec<_>>().join(", ")
}

fn shown(release: &ReleaseView, paint: Paint) -> String {
    let mut table = Table::new(&[]);
    let mut fact = |label: &str, value: String| table.row(vec![format!("  {}", paint.dim(label)), value]);
    fact("digest", release.digest.clone());
    fact("made", format!("{} by {}", time(release.created_at), release.created_by));
    release.notes.iter().for_each(|notes| fact("notes", notes.clone()));
    for (artifact, view) in &release.content.artifacts {
        fact("artifact", format!("{artifact}  {}, {}  {}", count(view.files, "file"), size(view.size), view.tree));
    }
    fact("bundle", release.content.bundle.clone());
    if let Some(commit) = &release.content.commit {
        let dirty = if commit.dirty { ", with changes that are not committed" } else { "" };
        fact("commit", format!("{} of {}{dirty}", commit.id, time(commit.at)));
    }
    for place in &release.places {
        fact("where", format!("{}: d{}, {}", place.environment, place.revision, word(&place.state)));
    }
    format!("{} {}\n{}", paint.bold(&format!("r{}", release.number)), release.version, table.text(paint))
}
