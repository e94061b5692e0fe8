//! Who asks: the context of a request, read once, with what the rules of a set want to know already found.
//!
//! What no rule can ask for is read past, not kept.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use bumpalo::Bump;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{
    tape::{At, Name, Reading, Tape},
    value::Val,
};

/// How deep a context may nest, itself included: as deep as configuration may.
pub const DEEPEST_CONTEXT: usize = crate::config::MAX_DEPTH;
/// How much room for intermediate results is ready from the start where a rule wants any.
const ROOM: usize = 1 << 10;
const ABSENT: At = At::MAX;

/// Who asks, read once for any number of flags of one set.
#[derive(Debug)]
pub struct Context<'c> {
    tape: Tape<'c>,
    slots: Box<[At]>,
    questions: Arc<Questions>,
    pub(super) room: RefCell<Bump>,
}

/// Why a context cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// It is not JSON.
    #[error("the context cannot be read: {0}")]
    Parse(String),
    /// It is JSON, but not what a context is, or too deep.
    #[error("the context is not valid: {0}")]
    Invalid(String),
}

/// What the rules of a set ask of a context.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// The members of the context, by name.
    names: Box<[Asked]>,
    slots: usize,
    /// A rule finds out only while it runs what it asks for: keep all.
    pub(super) everything: bool,
    /// A rule makes texts or lists.
    pub(super) room: bool,
}

#[derive(Debug)]
struct Asked {
    name: Box<str>,
    /// The slots that it fills, with the way from the member to their values.
    slots: Vec<(Box<[Box<str>]>, usize)>,
}

impl Questions {
    /// Returns them for the paths of slots, in the order of the slots.
    pub(super) fn of(paths: &[Box<str>], everything: bool, room: bool) -> Self {
        let mut names = std::collections::BTreeMap::<Box<str>, Asked>::new();
        for (slot, path) in paths.iter().enumerate() {
            let mut way = path.split('.').map(Box::from);
            let name: Box<str> = way.next().unwrap_or_default();
            let asked = names.entry(name.clone()).or_insert_with(|| Asked { name, slots: Vec::new() });
            asked.slots.push((way.collect(), slot));
        }
        Self { names: names.into_values().collect(), slots: paths.len(), everything, room }
    }

    fn about(&self, name: &str) -> Option<&Asked> {
        let place = self.names.binary_search_by(|asked| (*asked.name).cmp(name)).ok()?;
        self.names.get(place)
    }
}

impl<'c> Context<'c> {
    /// Reads the text of a JSON object.
    pub(super) fn read(questions: &Arc<Questions>, json: &'c [u8]) -> Result<Self, ContextError> {
        let text = std::str::from_utf8(json).map_err(|error| ContextError::Parse(error.to_string()))?;
        let too_deep = Cell::new(false);
        let mut tape = Tape::for_text(text.len());
        let mut slots = vec![ABSENT; questions.slots].into_boxed_slice();
        let root = Root { questions, tape: &mut tape, slots: &mut slots, too_deep: &too_deep };
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_any(root).and_then(|()| json.end()).map_err(|error| {
            if too_deep.get() {
                ContextError::Invalid(format!("it is nested more than {DEEPEST_CONTEXT} deep"))
            } else if error.is_data() {
                ContextError::Invalid(error.to_string())
            } else {
                ContextError::Parse(error.to_string())
            }
        })?;
        let room = if questions.room { Bump::with_capacity(ROOM) } else { Bump::new() };
        Ok(Self { tape, slots, questions: Arc::clone(questions), room: RefCell::new(room) })
    }

    /// Says whether it was read for the rules of a set.
    pub(super) fn answers(&self, questions: &Arc<Questions>) -> bool {
        Arc::ptr_eq(&self.questions, questions)
    }

    /// Returns the value of a slot.
    #[inline]
    pub(super) fn slot(&self, slot: u32) -> Val<'_> {
        self.slots.get(slot as usize).map_or(Val::Null, |at| self.tape.value(*at))
    }

    /// Returns it as it was read.
    pub(super) fn tape(&self) -> &Tape<'c> {
        &self.tape
    }
}

/// The object that a context is.
struct Root<'t, 'c> {
    questions: &'t Questions,
    tape: &'t mut Tape<'c>,
    slots: &'t mut [At],
    too_deep: &'t Cell<bool>,
}

impl Root<'_, '_> {
    /// Fills the slots that a member has the values of. One that comes again takes the place of the first.
    fn fill(&mut self, asked: &Asked, at: At) {
        for (way, slot) in &asked.slots {
            let found = way.iter().try_fold(at, |at, name| self.tape.member(at, name));
            if let Some(slot) = self.slots.get_mut(*slot) {
                *slot = found.unwrap_or(ABSENT);
            }
        }
    }
}

impl<'c> Visitor<'c> for Root<'_, 'c> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    /// `null` is no context.
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        let root = self.tape.open();
        self.tape.close_map(root, 0);
        Ok(())
    }

    fn visit_map<A: MapAccess<'c>>(mut self, mut map: A) -> Result<(), A::Error> {
        let root = self.tape.open();
        let mut kept = 0;
        while let Some(name) = map.next_key_seed(Name)? {
            let asked = self.questions.about(&name);
            let keep = asked.is_some() || self.questions.everything;
            if keep {
                self.tape.name(name);
                kept += 1;
            }
            let at = self.tape.next();
            let onto = keep.then_some(&mut *self.tape);
            map.next_value_seed(Reading { onto, depth: DEEPEST_CONTEXT - 1, too_deep: self.too_deep })?;
            if let Some(asked) = asked {
                self.fill(asked, at);
            }
        }
        self.tape.close_map(root, kept);
        Ok(())
    }
}
