//! Releases: making, listing, showing.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use towpath_core::{
    artifact::{Tree, TreeEntry},
    command::{Asker, Command},
    decide::{commit, decide},
    ids::{ArtifactName, Digest, ReleaseNumber},
    project::Project,
    release::{ArtifactRef, Commit, ReleaseContent},
    units::Bytes,
    world::World,
};

use super::{
    environments::{PageQuery, linked, page},
    types::{self, CreateRelease, Page, ProblemField, ReleaseView},
    view,
};
use crate::{
    app::{App, MAX_BUNDLE, MAX_MANIFEST, Shared},
    etag,
    extract::{Body, Caller, Params, digest, limited, number},
    problem::ApiError,
};

/// The longest notes in bytes.
const MAX_NOTES: usize = 64 << 10;
/// Most missing blobs that are named at once.
const NAMED_BLOBS: usize = 1000;

/// Lists the releases, newest first.
#[utoipa::path(get, path = "/api/v1/releases", operation_id = "listReleases", tag = "releases", params(PageQuery), responses(
    (status = 200, description = "The releases and where they are.", body = Page<ReleaseView>),
))]
pub(crate) async fn releases(
    State(app): State<Shared>,
    Params(query): Params<PageQuery>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let world = app.engine.world();
    let before = query.after.as_deref().map(|after| number("release", 'r', after)).transpose()?;
    let older = world.releases.values().rev().filter(|it| before.is_none_or(|before| it.number.0 < before));
    let items = older.take(query.limit() + 1).map(|it| view::release(&world, it)).collect();
    Ok(linked(&uri, page(items, query.limit(), |it: &ReleaseView| it.number.to_string())))
}

/// Shows a release.
#[utoipa::path(get, path = "/api/v1/releases/{number}", operation_id = "showRelease", tag = "releases",
    params(("number" = String, Path, description = "The number, with or without `r`.")),
    responses((status = 200, description = "The release and where it is.", body = ReleaseView)),
)]
pub(crate) async fn release(
    State(app): State<Shared>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let number = ReleaseNumber(number("release", 'r', &text)?);
    let world = app.engine.world();
    let found = world.releases.get(&number).ok_or_else(|| no_release(number))?;
    Ok(etag::tagged(&headers, &etag::version(&found.digest), &view::release(&world, found)))
}

pub(crate) fn no_release(number: ReleaseNumber) -> ApiError {
    ApiError::not_found(format!("there is no release {number}")).next("towpath release list")
}

/// Makes a release of blobs that are there already.
///
/// The bundle is validated, and the project is declared anew from it if it says something else than before. Making the
/// same release again yields the one that is there.
#[utoipa::path(post, path = "/api/v1/releases", operation_id = "createRelease", tag = "releases", request_body = CreateRelease, responses(
    (status = 200, description = "The same release is there already.", body = ReleaseView),
    (status = 201, description = "The release was made; `Location` is where it is.", body = ReleaseView),
))]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Body(request): Body<CreateRelease>,
) -> Result<Response, ApiError> {
    let content = content(request.content)?;
    let notes = limited("/notes", request.notes, MAX_NOTES)?;
    let world = app.engine.world();
    if let Some(known) = world.release_by_digest.get(&content.digest()) {
        return answer(&world, *known, StatusCode::OK);
    }
    complete(&app, &content).await?;
    let project = read_project(&app, content.bundle).await?;
    let declare = Command::DeclareProject { project: project.clone(), bundle: content.bundle };
    let create = Command::CreateRelease { content: content.clone(), notes };
    admissible(&app, &world, &caller, &declare, &create)?;
    if world.project.as_deref() != Some(&project) {
        app.submit(&caller, declare).await?;
    }
    let done = app.submit(&caller, create).await?;
    let number = done.world.release_by_digest.get(&content.digest()).copied();
    let number = number.ok_or_else(|| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    answer(&done.world, number, if done.events.is_empty() { StatusCode::OK } else { StatusCode::CREATED })
}

fn answer(world: &World, number: ReleaseNumber, status: StatusCode) -> Result<Response, ApiError> {
    let release = world.releases.get(&number).ok_or_else(|| no_release(number))?;
    let location = format!("/api/v1/releases/{}", number.0);
    Ok((status, [(header::LOCATION, location)], Json(view::release(world, release))).into_response())
}

/// Tries both commands on paper first, so that a release that is refused does not leave a project declared anew.
fn admissible(app: &App, world: &World, caller: &Caller, declare: &Command, create: &Command) -> Result<(), ApiError> {
    let asker = Asker { principal: caller.principal.clone(), now: app.engine.now() };
    let declared = decide(world, declare, &asker)?;
    let (after, _) = commit(world.clone(), declared, &asker, &caller.request);
    decide(&after, create, &asker)?;
    Ok(())
}

async fn read_project(app: &App, bundle: Digest) -> Result<Project, ApiError> {
    let bytes = app.short_blob(&bundle, MAX_BUNDLE).await?;
    app.options.projects.read(&bytes).map_err(|mistakes| {
        let detail = match mistakes.len() {
            1 => "the bundle has a mistake; nothing was changed".to_owned(),
            count => format!("the bundle has {count} mistakes; nothing was changed"),
        };
        ApiError::invalid("bundle_invalid", detail)
            .details(mistakes.iter().map(ToString::to_string).collect())
            .next("towpath env validate --all")
    })
}

fn content(given: types::ReleaseContent) -> Result<ReleaseContent, ApiError> {
    let mut wrong = Vec::new();
    let mut read = |pointer: String, text: &str| match digest(&pointer, text) {
        Ok(digest) => digest,
        Err(error) => {
            wrong.extend(error.0.errors);
            Digest::from_bytes([0; 32])
        }
    };
    let bundle = read("/content/bundle".to_owned(), &given.bundle);
    let mut artifacts = BTreeMap::new();
    let mut misnamed = Vec::new();
    for (name, artifact) in given.artifacts {
        let pointer = format!("/content/artifacts/{}", name.replace('~', "~0").replace('/', "~1"));
        let tree = read(format!("{pointer}/tree"), &artifact.tree);
        match ArtifactName::new(&name) {
            Ok(name) => {
                artifacts.insert(name, ArtifactRef { tree, files: artifact.files, size: Bytes(artifact.size) });
            }
            Err(error) => misnamed.push(ProblemField { pointer, detail: error.to_string() }),
        }
    }
    wrong.extend(misnamed);
    for (pointer, text, most) in [
        ("/content/version", Some(&given.version), 64),
        ("/content/commit/id", given.commit.as_ref().map(|commit| &commit.id), 128),
    ] {
        if let Some(text) = text
            && (text.trim().is_empty() || text.len() > most || text.chars().any(char::is_control))
        {
            let detail = format!("this has 1 to {most} characters, none of them a control character");
            wrong.push(ProblemField { pointer: pointer.to_owned(), detail });
        }
    }
    if !wrong.is_empty() {
        return Err(ApiError::invalid("body_invalid", "the content of the release is wrong").errors(wrong));
    }
    let commit = given.commit.map(|commit| Commit { id: commit.id, at: commit.at, dirty: commit.dirty });
    Ok(ReleaseContent { version: given.version.trim().to_owned(), artifacts, bundle, commit })
}

/// Checks that every blob of a release is there, and that its artifacts are what it says of them.
async fn complete(app: &App, content: &ReleaseContent) -> Result<(), ApiError> {
    let blobs = &app.engine.ports().blobs;
    let mut needed = BTreeSet::new();
    let mut missing = BTreeSet::new();
    needed.insert(content.bundle);
    for (name, artifact) in &content.artifacts {
        if !blobs.keep(&artifact.tree).await? {
            missing.insert(artifact.tree);
            continue;
        }
        let bytes = app.short_blob(&artifact.tree, MAX_MANIFEST).await?;
        let tree = Tree::parse(&bytes)
            .map_err(|error| ApiError::field(&format!("/content/artifacts/{name}/tree"), error.to_string()))?;
        fits(name, artifact, &tree)?;
        needed.extend(tree.blobs());
    }
    for digest in needed {
        if !blobs.keep(&digest).await? {
            missing.insert(digest);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("{} blobs of the release are not here; nothing was changed", missing.len());
    Err(ApiError::invalid("blobs_missing", detail)
        .details(missing.iter().take(NAMED_BLOBS).map(ToString::to_string).collect())
        .next("send each with PUT /api/v1/blobs/DIGEST, then ask again"))
}

fn fits(name: &ArtifactName, artifact: &ArtifactRef, tree: &Tree) -> Result<(), ApiError> {
    let all = tree.entries().len() as u64;
    let files = tree.entries().values().filter(|entry| matches!(entry, TreeEntry::File { .. })).count() as u64;
    if artifact.size.0 != tree.size() {
        let detail = format!("the files of the artifact are {} bytes long", tree.size());
        return Err(ApiError::field(&format!("/content/artifacts/{name}/size"), detail));
    }
    // Symbolic links may be counted or not.
    if artifact.files != all && artifact.files != files {
        let detail = format!("the artifact has {files} files");
        return Err(ApiError::field(&format!("/content/artifacts/{name}/files"), detail));
    }
    Ok(())
}
