//! Configuration: from texts to environments in which every value is decided, typed and traceable.
//!
//! The caller reads the files ([`is_source`] says which) into a [`SourceSet`]; [`load`] parses them once;
//! [`Loaded::resolve`] lays the layers of one environment over each other, later wins: schema defaults,
//! `towpath.yaml`, `environments/base.yaml`, what it extends, its own file, live overlay, process
//! environment, flags. Mistakes are [`Diagnostic`]s, all of them at once. Nothing here opens a file,
//! reads the process environment or knows what became of an environment after it was resolved.

mod author;
mod bundle;
mod compare;
mod defaults;
pub(crate) mod describe;
mod detect;
mod diagnostic;
mod explain;
mod flags;
mod foreign;
mod interpolate;
mod layers;
mod limits;
mod live;
mod load;
mod merge;
mod nearest;
mod owner;
mod pipeline;
mod plain_secrets;
pub(crate) mod read;
mod render;
mod resolve;
mod resolved;
pub mod schema;
mod secret_files;
pub(crate) mod source;
pub(crate) mod value;
mod variables;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

pub use author::{AuthorError, Cleared, Copied, NewEnvironment};
pub use bundle::{Bundle, BundleError};
pub use compare::{Comparison, KeyPattern, Kind, PatternError, Row, Stale, StaleWhy, compare, diff};
pub use describe::{SCHEMAS, SchemaKind, json_schema, reference_page};
pub use detect::{Detected, DetectedBy, UnknownEnvironment, VARIABLES, detect};
pub use diagnostic::{
    Diagnostic, DiagnosticView, RelatedView, Severity, diagnostic_views, has_errors, render_diagnostics,
};
pub use explain::{Contribution, ExplainError, Explanation, Reference};
pub use flags::model as flag_files;
pub use flags::{check_flags, constant_flags, definitions, read_flags, yaml_text};
pub use foreign::read_foreign;
pub(crate) use interpolate::closing;
pub use limits::{MAX_ENVIRONMENTS, MAX_EXTENDS, MAX_TOTAL_BYTES};
pub use live::Live;
pub(crate) use live::is_nothing as is_nothing_live;
pub use load::{Loaded, load};
pub use nearest::nearest;
pub use read::Placed;
pub use render::{Format, Object, ObjectError, RenderError, Rendered, Takes, Unfit, Why, render};
pub use resolve::{Inputs, OverlayEntry, Resolution, SecretRoots, resolve};
pub use resolved::{MASK, ResolvedEnvironment, ResolvedService, ResolvedVariable, SpecError, environment_bytes};
pub(crate) use schema::variable::is_variable_name;
pub use secret_files::{SECRET_FOLDER, secret_file_id, secret_file_path, secret_versions};
pub use source::{
    BASE, ENVIRONMENT_FOLDER, EXPERIMENT_FOLDER, FLAG_ENVIRONMENT_FOLDER, FLAG_FOLDER, FLAG_FOLDERS, Label,
    OverlayOrigin, PROJECT_FILE, Position, Source, SourceId, SourceKind, SourceSet, Span, is_source,
};
pub use value::{Data, Member, Members, Path, PathError, Segment, Value};
pub(crate) use variables::{check_text, is_url};
#[cfg(fuzzing)]
pub use yaml::readers_agree;
pub use yaml::{MAX_ALIASED, MAX_BYTES, MAX_DEPTH, MAX_NODES, Scalar, ScalarKind};
