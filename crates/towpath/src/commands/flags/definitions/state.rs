//! The flags of an environment: from one file, from the project's files, or as they were last known to be served.
//!
//! No server is asked: what one served last is in its ledger, which can be read while it runs and while it is away.

use std::{error::Error, fs, path::Path, sync::Arc};

use towpath_core::{
    config::{Diagnostic, Loaded, SourceSet, detect, has_errors, nearest, read_flags},
    flags::FlagDocument,
    ids::EnvironmentName,
    world::World,
};
use towpath_engine::{flags::FlagDefinitions, load, ports::Blobs};
use towpath_store::{FileBlobs, SqliteStore};

use crate::{
    cli::StateArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, unreadable},
    server::keys,
    sources::wait,
    words::count,
};

/// The flags of an environment, and where they are from.
#[derive(Debug)]
pub(super) struct State {
    /// The environment; `None` for a file alone.
    pub(super) environment: Option<EnvironmentName>,
    pub(super) document: FlagDocument,
    /// What it was made of, in words.
    pub(super) from: String,
    /// The mistakes in the files, where it was made of these, and what they point into.
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) sources: SourceSet,
}

impl State {
    /// Returns what the arguments ask for, and says what that is.
    pub(super) fn find(context: &Context, args: &StateArgs) -> Result<Self, Failure> {
        let state = match &args.file {
            Some(file) => Self::of_file(file, args.env.as_deref())?,
            None => Self::of_environment(context, args.env.as_deref(), args.files)?,
        };
        context.out.note(&format!("from {}", state.from));
        if has_errors(&state.diagnostics) {
            let wrong = state.diagnostics.iter().filter(|one| one.is_error()).count();
            let found = count(wrong as u64, "mistake");
            context.out.warn(&format!("the files about flags have {found}: towpath flags validate"));
        }
        Ok(state)
    }

    /// Returns the definitions in one file.
    pub(super) fn of_file(file: &Path, environment: Option<&str>) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| unreadable(file, &error))?;
        let name = file.display().to_string();
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::new(Exit::Failed, "not_utf8", format!("`{name}` is not UTF-8 text")).next("save the file as UTF-8")
        })?;
        let sources: SourceSet = [(name.clone(), text)].into_iter().collect();
        let (mut document, diagnostics) = read_flags(&sources);
        let environment = environment.map(EnvironmentName::new).transpose();
        let environment = environment.map_err(|error| Failure::of(Exit::Usage, "name", &error))?;
        if let Some(name) = &environment {
            document.metadata.insert("flagSetId".to_owned(), name.as_str().into());
        }
        Ok(Self { environment, document, from: format!("the file {name}"), diagnostics, sources })
    }

    /// Returns what an environment was last known to serve; where that is nothing, what the files say.
    pub(super) fn of_environment(context: &Context, given: Option<&str>, files: bool) -> Result<Self, Failure> {
        let folder = context.folder()?;
        let loaded = folder.load()?;
        let detected = detect(given, &Context::process_environment());
        let found = loaded.find_detected(&detected);
        let name = found.as_ref().map_or_else(|_| EnvironmentName::new(&detected.name).ok(), |name| Some(name.clone()));
        if let (false, Some(name)) = (files, &name)
            && let Some((document, from)) = last_known(&folder, &loaded, name)?
        {
            let environment = Some(name.clone());
            return Ok(Self { environment, document, from, diagnostics: Vec::new(), sources: SourceSet::new() });
        }
        let name = found
            .map_err(|error| Failure::new(Exit::Usage, "not_found", error.to_string()).next("towpath env list"))?;
        let (document, diagnostics) = loaded.flags(name.as_str());
        let from = format!("the files of the project, for {name}");
        let sources = loaded.sources().clone();
        Ok(Self { environment: Some(name), document, from, diagnostics, sources })
    }

    /// Returns the failure to find a flag.
    pub(super) fn no_flag(&self, key: &str) -> Failure {
        let known = self.document.flags.keys().map(towpath_core::flags::FlagKey::as_str);
        let failure =
            Failure::new(Exit::Failed, "flag_not_found", format!("there is no flag `{key}` in {}", self.from));
        match nearest(key, known) {
            Some(near) => failure.next(format!("did you mean `{near}`?")),
            None => failure.next("towpath flags list"),
        }
    }
}

/// Returns what an environment was last known to serve: the flags of its release with what was changed of them since. `None`
/// where nothing was ever deployed nor changed.
fn last_known(
    folder: &ProjectFolder,
    loaded: &Loaded,
    name: &EnvironmentName,
) -> Result<Option<(FlagDocument, String)>, Failure> {
    let data = folder.data();
    if !data.join("ledger.db").is_file() {
        return Ok(None);
    }
    // With files that say nothing of the project nobody knows whose ledger it would be.
    let Some(project) = loaded.project().0 else { return Ok(None) };
    let signer = keys::signer(&data, &project.name)?;
    wait(async {
        let store = SqliteStore::open(&data).await.map_err(|error| failed(&error))?;
        let world = load(Arc::new(store.clone()), signer).await.map_err(|error| failed(&error));
        store.close().await;
        let world = world?;
        if !has_state(&world, name) {
            return Ok(None);
        }
        let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(&data).map_err(|error| failed(&error))?);
        let document = FlagDefinitions::new(blobs).of(&world, name).await.map_err(|error| failed(&error))?;
        let document = world.flags(name).over(&document);
        Ok(Some((document, told(&world, name))))
    })?
}

fn has_state(world: &World, name: &EnvironmentName) -> bool {
    let live = world.flags(name);
    world.current(name).is_some() || !live.patches.is_empty() || !live.segments.is_empty()
}

fn told(world: &World, name: &EnvironmentName) -> String {
    let release = world.current(name).map(|deployment| format!("release {}", deployment.release));
    let live = world.flags(name);
    let changed = live.patches.len() + live.segments.len();
    let changed = (changed > 0).then(|| format!("{} by hand since", count(changed as u64, "change")));
    let made: Vec<String> =
        [Some(release.unwrap_or_else(|| "the declared project".to_owned())), changed].into_iter().flatten().collect();
    format!("the last known state of {name}: {}", made.join(", "))
}

fn failed(error: &(dyn Error + 'static)) -> Failure {
    Failure::of(Exit::Failed, "storage", error)
        .kept("nothing was changed")
        .next("--files, to take the project's files instead")
}
