//! YAML that is not ours, read with the same limits: what an importer is given.
//!
//! Only reads; what the values mean is for the importer to say.

use super::{
    diagnostic::Diagnostic,
    source::SourceId,
    value::{Nulls, Value},
    yaml,
};

/// Reads the first YAML document of a text whose first byte is byte `offset` of its source; places count from there.
pub fn read_foreign(text: &str, offset: u32) -> (Option<Value>, Vec<Diagnostic>) {
    let (document, diagnostics) = yaml::parse(SourceId(0), text, offset);
    (document.map(|document| Value::of(&document, document.root(), Nulls::Keep)), diagnostics)
}
