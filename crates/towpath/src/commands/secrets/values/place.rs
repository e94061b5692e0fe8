//! Where a value is kept: in a file of the project that sops can read, or in the server's store.

use std::path::PathBuf;

use towpath_core::{
    config::{Inputs, ResolvedEnvironment, SECRET_FOLDER, secret_file_path},
    secrets::SourceSpec,
};

use crate::{cli::SecretPlace, context::Context, failure::Failure};

/// What the files of a project say of an environment's secrets.
pub(super) struct Places {
    root: PathBuf,
    environment: String,
    resolved: Option<ResolvedEnvironment>,
}

impl Places {
    /// Reads the files; without any the store is the only place.
    pub(super) fn of(context: &Context, environment: &str) -> Option<Self> {
        let folder = context.folder().ok()?;
        let resolved = folder.load().ok()?.resolve(environment, &Inputs::default()).environment;
        Some(Self { root: folder.root().to_owned(), environment: environment.to_owned(), resolved })
    }

    /// Says whether files come before the store.
    fn files_first(&self) -> bool {
        let sources = self.resolved.iter().flat_map(|resolved| &resolved.secret_spec.from);
        let first = sources.into_iter().find(|source| matches!(source, SourceSpec::Files | SourceSpec::Store));
        first == Some(&SourceSpec::Files)
    }

    /// Returns the environment's own file of secrets, if it is there.
    fn own_file(&self) -> Option<PathBuf> {
        let endings = ["yaml", "yml", "json", "env"].into_iter();
        let mut paths =
            endings.map(|ending| self.root.join(SECRET_FOLDER).join(format!("{}.{ending}", self.environment)));
        paths.find(|path| path.is_file())
    }

    /// Returns the file that gives a secret its value.
    fn giving(&self, name: &str) -> Option<PathBuf> {
        let pin = self.resolved.as_ref()?.secret_roots.in_files.get(name)?;
        Some(self.root.join(secret_file_path(&pin.from)?))
    }

    /// Says whether the environment's files declare a secret; where they cannot be read nobody knows.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.resolved.as_ref().is_none_or(|resolved| {
            let roots = &resolved.secret_roots;
            roots.in_files.contains_key(name) || roots.elsewhere.contains(name) || resolved.variables.contains_key(name)
        })
    }

    /// Says whether what the store has of a secret is hidden by a file.
    pub(super) fn hidden_by(&self, name: &str) -> Option<PathBuf> {
        self.giving(name).filter(|_| self.files_first())
    }
}

/// Returns the file that a value is written to, or `None` for the store: as asked, else the environment's own file where there
/// is one and files come first.
pub(super) fn to(
    places: Option<&Places>,
    environment: &str,
    wanted: Option<SecretPlace>,
) -> Result<Option<PathBuf>, Failure> {
    match (wanted, places) {
        (Some(SecretPlace::Store), _) | (None, None) => Ok(None),
        (Some(SecretPlace::Files), None) => {
            Err(Failure::usage(format!("there is no project here that has files of {environment}"))
                .next("--project DIR, to name its folder"))
        }
        (Some(SecretPlace::Files), Some(places)) => {
            let new = || places.root.join(SECRET_FOLDER).join(format!("{environment}.yaml"));
            Ok(Some(places.own_file().unwrap_or_else(new)))
        }
        (None, Some(places)) => Ok(places.own_file().filter(|_| places.files_first())),
    }
}

/// Returns the file that a value is read from, or `None` for the store: as asked, else what gives the value.
pub(super) fn from(
    places: Option<&Places>,
    name: &str,
    wanted: Option<SecretPlace>,
) -> Result<Option<PathBuf>, Failure> {
    match (wanted, places) {
        (Some(SecretPlace::Store), _) | (None, None) => Ok(None),
        (None, Some(places)) => Ok(places.hidden_by(name)),
        (Some(SecretPlace::Files), places) => {
            let file = places.and_then(|places| places.giving(name));
            let none = || Failure::usage(format!("no file of the project has the secret `{name}`"));
            file.map(Some).ok_or_else(none)
        }
    }
}
