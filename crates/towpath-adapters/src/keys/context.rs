//! The bytes a wrapped key is bound to.

use towpath_engine::ports::KeyContext;

/// Stands at the front, so that the bytes mean nothing else and later forms differ.
const FORMAT: &[u8] = b"towpath data key 1";

/// Returns a context as bytes: every part after its length, so that no two contexts give the same.
pub(super) fn bytes(context: &KeyContext) -> Vec<u8> {
    let environment = context.environment.as_str().as_bytes();
    let mut bytes = Vec::with_capacity(FORMAT.len() + context.project.len() + environment.len() + 28);
    for part in [FORMAT, context.project.as_bytes(), environment, &context.version.to_be_bytes()] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
