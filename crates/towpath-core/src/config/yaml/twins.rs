//! The two readers of YAML beside each other, for tests and fuzzing only.

use std::fmt::Write as _;

use super::{Document, NodeId, NodeKind, build::events, plain};
use crate::config::source::SourceId;

/// Compares the two readers; says whether the fast one took the text, or where they differ.
#[allow(unreachable_pub, reason = "public where it is fuzzed")]
pub fn agree(text: &str) -> Result<bool, String> {
    let Some(fast) = plain::read(SourceId(1), text, 3) else { return Ok(false) };
    let (full, diagnostics) = events(SourceId(1), text, 3);
    let Some(full) = full.filter(|_| diagnostics.is_empty()) else {
        return Err(format!("only the fast reader takes {text:?}: {diagnostics:?}"));
    };
    let (mut a, mut b) = (String::new(), String::new());
    write(&fast, fast.root(), &mut a);
    write(&full, full.root(), &mut b);
    if a == b { Ok(true) } else { Err(format!("{text:?}\nfast: {a}\nfull: {b}")) }
}

/// Writes all of a document down, places included.
fn write(document: &Document, id: NodeId, out: &mut String) {
    let node = document.node(id);
    // Writing into a String cannot fail.
    let _ = write!(out, "{:?}{:?}", node.span, node.tag);
    match &node.kind {
        NodeKind::Scalar(scalar) => drop(write!(out, "{scalar:?}")),
        NodeKind::List(items) => {
            for item in items {
                out.push_str("\n- ");
                write(document, *item, out);
            }
        }
        NodeKind::Map(entries) => {
            for entry in entries {
                let _ = write!(out, "\n{:?} {:?}: ", entry.key, entry.key_span);
                write(document, entry.value, out);
            }
        }
    }
    out.push(';');
}
