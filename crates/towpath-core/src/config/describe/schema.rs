//! The JSON Schemas (draft 2020-12): of the project file, of the environments' files, of files about flags.
//!
//! They say what a file may say by itself. What only shows when layers meet (a service that nothing starts, a range
//! with ends from two files, a reference to what another file takes away) is for `towpath env validate`; so are
//! merge tags, which JSON does not have.

use serde_json::{Value as Json, json};

use super::{
    super::{
        flags::{EnvironmentFlags, FlagsFile},
        load::Loaded,
        read::Read,
        schema::{environment::EnvironmentFile, project::ProjectKeys},
        source,
    },
    Book, Mode, Names,
};

/// Which file a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `towpath.yaml`.
    Project,
    /// `environments/*.yaml`.
    Environment,
    /// `flags/*.yaml`.
    Flags,
    /// `flags/environments/*.yaml`.
    FlagEnvironment,
}

/// Every kind.
pub const SCHEMAS: [SchemaKind; 4] =
    [SchemaKind::Project, SchemaKind::Environment, SchemaKind::Flags, SchemaKind::FlagEnvironment];

impl SchemaKind {
    /// Returns the word used on the command line and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Flags => "flags",
            Self::FlagEnvironment => "flag-environment",
        }
    }

    /// Returns where a project keeps it, relative to the project's folder.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Project => "schema/towpath.json",
            Self::Environment => "schema/environment.json",
            Self::Flags => "schema/flags.json",
            Self::FlagEnvironment => "schema/flag-environment.json",
        }
    }

    /// Returns the first line of a file of this kind that lets editors find the schema.
    pub fn modeline(self) -> String {
        let up = match self {
            Self::Project => "",
            Self::Environment | Self::Flags => "../",
            Self::FlagEnvironment => "../../",
        };
        format!("# yaml-language-server: $schema={up}{}\n", self.path())
    }

    /// Returns the kind of a file by its path in the project's folder.
    pub fn of_path(path: &str) -> Self {
        if source::flag_environment_stem(path).is_some() {
            Self::FlagEnvironment
        } else if source::flag_stem(path).is_some() {
            Self::Flags
        } else if path.contains('/') {
            Self::Environment
        } else {
            Self::Project
        }
    }

    /// Returns the kind of this word.
    pub fn named(word: &str) -> Option<Self> {
        SCHEMAS.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Returns a schema: of one project, which knows its names, or of every project.
pub fn json_schema(kind: SchemaKind, loaded: Option<&Loaded>) -> Json {
    let names = loaded.map(Names::of).unwrap_or_default();
    let (mut book, title) = match kind {
        SchemaKind::Project => (Book::new(Mode::Whole, names), "Towpath project"),
        SchemaKind::Environment => (Book::new(Mode::Layer, names), "Towpath environment"),
        SchemaKind::Flags => (Book::new(Mode::Whole, names), "Flags"),
        SchemaKind::FlagEnvironment => (Book::new(Mode::Layer, names), "Flags of an environment"),
    };
    let root = match kind {
        SchemaKind::Project => ProjectKeys::shape(&mut book),
        SchemaKind::Environment => EnvironmentFile::shape(&mut book),
        SchemaKind::Flags => FlagsFile::shape(&mut book),
        SchemaKind::FlagEnvironment => EnvironmentFlags::shape(&mut book),
    };
    let name = root.json.get("$ref").and_then(Json::as_str).and_then(|path| path.rsplit('/').next());
    let root = name.and_then(|name| book.definitions.remove(name)).unwrap_or_default();
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Json::Object(schema), Json::Object(root)) = (&mut schema, root) {
        schema.extend(root);
        schema.insert("$defs".to_owned(), book.definitions.into_iter().collect());
    }
    schema
}
