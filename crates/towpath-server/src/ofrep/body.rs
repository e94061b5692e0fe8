//! The body of a request: bounded, read, and taken apart as far as the context.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use towpath_core::flags::ContextError;

/// The largest body: a context of 1 MiB and what is around it.
pub(super) const LARGEST: usize = (1 << 20) + 4096;
/// From this size on a body takes one of the places for large ones.
const LARGE: usize = 64 << 10;
/// How many large bodies may be in memory at once.
const MOST_LARGE: usize = 64;

/// The places for large bodies.
pub(crate) struct Places(pub(super) Semaphore);

impl Default for Places {
    fn default() -> Self {
        Self(Semaphore::new(MOST_LARGE))
    }
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than any context.
    TooLarge,
    /// Too many large ones are being read.
    Busy,
    /// It did not arrive whole.
    Broken,
}

/// Reads a whole body.
pub(super) async fn read(mut body: Body, places: &Semaphore) -> Result<Bytes, Unread> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut place = place(announced, places)?;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        let length = first.len() + all.len() + data.len();
        if place.is_none() {
            place = self::place(length, places)?;
        } else if length > LARGEST {
            return Err(Unread::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve(announced.clamp(length, LARGEST));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn place(length: usize, places: &Semaphore) -> Result<Option<tokio::sync::SemaphorePermit<'_>>, Unread> {
    match length {
        0..LARGE => Ok(None),
        LARGE..=LARGEST => places.try_acquire().map(Some).map_err(|_| Unread::Busy),
        _ => Err(Unread::TooLarge),
    }
}

/// Returns the text of the context in a body. What is missing (body, context, or `null` for it) is an empty one.
pub(super) fn context(body: &[u8]) -> Result<&[u8], ContextError> {
    const NONE: &[u8] = b"{}";
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(NONE);
    }
    let Outer(found) = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ContextError::Invalid("the body is not a JSON object".to_owned()),
        _ => ContextError::Parse(error.to_string()),
    })?;
    match found {
        Found::Nothing => Ok(NONE),
        Found::Twice => Err(ContextError::Parse("the body has `context` twice".to_owned())),
        Found::Context(raw) => match raw.get().as_bytes() {
            context @ [b'{', ..] => Ok(context),
            b"null" => Ok(NONE),
            _ => Err(ContextError::Invalid("`context` is not a JSON object".to_owned())),
        },
    }
}

/// The object around the context, nothing of which is looked into.
struct Outer<'b>(Found<'b>);

enum Found<'b> {
    Nothing,
    Context(&'b RawValue),
    Twice,
}

impl<'de> Deserialize<'de> for Outer<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OuterVisitor)
    }
}

struct OuterVisitor;

impl<'de> Visitor<'de> for OuterVisitor {
    type Value = Outer<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outer<'de>, A::Error> {
        let mut found = Found::Nothing;
        while let Some(Member { is_context }) = map.next_key()? {
            if is_context {
                let context = map.next_value()?;
                found = if matches!(found, Found::Nothing) { Found::Context(context) } else { Found::Twice };
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Outer(found))
    }
}

struct Member {
    is_context: bool,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Member;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Member, E> {
                Ok(Member { is_context: name == "context" })
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests;
