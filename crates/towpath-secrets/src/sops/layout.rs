//! What each format must be able to do, and where a file keeps its metadata.

use zeroize::Zeroizing;

use super::{
    Format, SopsError, Value,
    metadata::Meta,
    path::Path,
    tree::{MAX_BYTES, Setting, Span, Tree},
};

/// Reading and writing in one format. Trees are never written as a whole: texts are changed in places.
pub(crate) trait Layout: Sync {
    /// Reads a text.
    fn read(&self, text: &[u8]) -> Result<Tree, SopsError>;

    /// Writes one value to stand where another stood.
    fn render(&self, value: &Value, setting: Setting) -> Result<Zeroizing<Vec<u8>>, &'static str>;

    /// Writes the text of a comment.
    fn render_comment(&self, text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    /// Takes the metadata out of a tree.
    fn take_metadata(&self, text: &[u8], tree: &mut Tree) -> Result<Option<Found>, SopsError>;

    /// Writes metadata.
    fn metadata(&self, meta: &Meta) -> Vec<u8>;

    /// Puts metadata into each document of a text; where there are fewer blocks than documents, the last is for the rest.
    fn attach(&self, text: &[u8], blocks: &[Vec<u8>]) -> Result<Vec<u8>, SopsError>;

    /// Returns the parts of a plain text to replace so that a path has a value.
    fn set(&self, text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError>;

    /// Returns the part of a plain text to replace so that a path is gone.
    fn unset(&self, text: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError>;
}

/// One replacement in a text.
pub(crate) type Patch = (Span, Zeroizing<Vec<u8>>);

/// The metadata of a file.
pub(crate) struct Found {
    pub(crate) meta: Meta,
    /// Where they begin.
    pub(crate) at: usize,
    /// What is cut out of the text so that none of them is left, in order.
    pub(crate) cuts: Vec<Span>,
    /// For each document, the places of what was written of them.
    pub(crate) blocks: Vec<Block>,
}

/// The metadata of one document as written.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) pieces: Vec<Span>,
    /// The places of `lastmodified` and `mac`, in the order of the text.
    pub(crate) fields: Vec<(Field, Span, Setting)>,
}

/// Metadata that change whenever a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    LastModified,
    Mac,
}

impl Field {
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "lastmodified" => Some(Self::LastModified),
            "mac" => Some(Self::Mac),
            _ => None,
        }
    }
}

/// Returns what reads and writes a format; binary files are JSON when encrypted.
pub(crate) fn of(format: Format) -> &'static dyn Layout {
    match format {
        Format::Yaml => &super::yaml::Yaml,
        Format::Json | Format::Binary => &super::json::Json,
        Format::Dotenv => &super::dotenv::Dotenv,
        Format::Ini => &super::ini::Ini,
    }
}

/// Refuses a text that is too long to be read.
pub(crate) fn check_size(text: &[u8]) -> Result<(), SopsError> {
    if text.len() > MAX_BYTES {
        let what = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(super::error::syntax(b"", 0, what));
    }
    Ok(())
}

/// Takes a text as UTF-8.
pub(crate) fn utf8(text: &[u8]) -> Result<&str, SopsError> {
    std::str::from_utf8(text).map_err(|error| super::error::syntax(text, error.valid_up_to(), "this is not UTF-8"))
}
