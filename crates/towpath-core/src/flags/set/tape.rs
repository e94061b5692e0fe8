//! JSON as one flat list: each container is followed by what it holds, and knows where it ends.
//!
//! One allocation however deep the text is, nothing to take apart at the end, and texts without escapes are borrowed.
//! Nothing here says what a value means; [`super::value`] does.

use std::{borrow::Cow, cell::Cell};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::value::{List, Map, Number, Val};

/// A flat list of values.
#[derive(Debug, Default)]
pub(super) struct Tape<'c>(Vec<Node<'c>>);

/// One value of a tape, or a name in an object: those stand before their values.
#[derive(Debug)]
enum Node<'c> {
    Null,
    Bool(bool),
    Num(Number),
    Str(Cow<'c, str>),
    List { len: u32, end: u32 },
    Map { len: u32, end: u32 },
}

/// A place on a tape.
pub(super) type At = u32;

impl<'c> Tape<'c> {
    /// Returns an empty tape with room for the values of a text.
    pub(super) fn for_text(bytes: usize) -> Self {
        Self(Vec::with_capacity((bytes / 12).clamp(8, 1 << 12)))
    }

    /// Returns where the next value will be.
    pub(super) fn next(&self) -> At {
        At::try_from(self.0.len()).unwrap_or(At::MAX)
    }

    /// Returns the value at a place.
    #[inline]
    pub(super) fn value(&self, at: At) -> Val<'_> {
        match self.0.get(at as usize) {
            None | Some(Node::Null) => Val::Null,
            Some(Node::Bool(it)) => Val::Bool(*it),
            Some(Node::Num(it)) => Val::Num(*it),
            Some(Node::Str(it)) => Val::Str(it),
            Some(Node::List { .. }) => Val::List(List::Kept(self, at)),
            Some(Node::Map { .. }) => Val::Map(Map::Kept(self, at)),
        }
    }

    /// Returns how many values the container at a place has.
    pub(super) fn len(&self, at: At) -> usize {
        match self.0.get(at as usize) {
            Some(Node::List { len, .. } | Node::Map { len, .. }) => *len as usize,
            Some(Node::Null | Node::Bool(_) | Node::Num(_) | Node::Str(_)) | None => 0,
        }
    }

    /// Returns where the members of the list at a place are.
    pub(super) fn items(&self, at: At) -> impl Iterator<Item = At> {
        let mut next = at.saturating_add(1);
        (0..self.len(at)).map(move |_| {
            let this = next;
            next = self.after(this);
            this
        })
    }

    /// Returns the names of the object at a place and where their values are. A name that is there twice comes twice.
    pub(super) fn members(&self, at: At) -> impl Iterator<Item = (&str, At)> {
        let mut next = at.saturating_add(1);
        (0..self.len(at)).map(move |_| {
            let name = match self.0.get(next as usize) {
                Some(Node::Str(name)) => name.as_ref(),
                _ => "",
            };
            let value = next.saturating_add(1);
            next = self.after(value);
            (name, value)
        })
    }

    /// Returns where a member of the object at a place is; of those with the same name the last one counts.
    pub(super) fn member(&self, at: At, name: &str) -> Option<At> {
        match self.0.get(at as usize) {
            Some(Node::Map { .. }) => {
                self.members(at).filter(|(member, _)| *member == name).last().map(|(_, value)| value)
            }
            Some(Node::List { .. } | Node::Null | Node::Bool(_) | Node::Num(_) | Node::Str(_)) | None => None,
        }
    }

    /// Adds a value that was read elsewhere. The caller has made sure that it is not too deep.
    pub(super) fn push(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.push(Node::Null),
            Value::Bool(it) => self.0.push(Node::Bool(*it)),
            Value::Number(it) => self.0.push(Node::Num(Number::of(it))),
            Value::String(it) => self.name(Cow::Owned(it.clone())),
            Value::Array(items) => {
                let at = self.open();
                for item in items {
                    self.push(item);
                }
                self.close_list(at, items.len());
            }
            Value::Object(members) => {
                let at = self.open();
                for (name, member) in members {
                    self.name(Cow::Owned(name.clone()));
                    self.push(member);
                }
                self.close_map(at, members.len());
            }
        }
    }

    /// Gives back memory that is not used.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Adds a name or a text.
    pub(super) fn name(&mut self, text: Cow<'c, str>) {
        self.0.push(Node::Str(text));
    }

    /// Begins a container.
    pub(super) fn open(&mut self) -> At {
        let at = self.next();
        self.0.push(Node::Null);
        at
    }

    /// Ends an object.
    pub(super) fn close_map(&mut self, at: At, len: usize) {
        let end = self.next();
        self.close(at, Node::Map { len: At::try_from(len).unwrap_or(At::MAX), end });
    }

    fn close_list(&mut self, at: At, len: usize) {
        let end = self.next();
        self.close(at, Node::List { len: At::try_from(len).unwrap_or(At::MAX), end });
    }

    fn close(&mut self, at: At, node: Node<'c>) {
        if let Some(place) = self.0.get_mut(at as usize) {
            *place = node;
        }
    }

    fn after(&self, at: At) -> At {
        match self.0.get(at as usize) {
            Some(Node::List { end, .. } | Node::Map { end, .. }) => *end,
            Some(Node::Null | Node::Bool(_) | Node::Num(_) | Node::Str(_)) | None => at.saturating_add(1),
        }
    }
}

/// Reads one value onto a tape, or past it.
pub(super) struct Reading<'t, 'c> {
    /// Where to; `None` to read past it.
    pub(super) onto: Option<&'t mut Tape<'c>>,
    /// How many levels may follow.
    pub(super) depth: usize,
    /// Set where there were more.
    pub(super) too_deep: &'t Cell<bool>,
}

impl<'c> Reading<'_, 'c> {
    fn scalar(self, node: Node<'c>) {
        if let Some(tape) = self.onto {
            tape.0.push(node);
        }
    }

    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        self.depth.checked_sub(1).ok_or_else(|| {
            self.too_deep.set(true);
            E::custom("too deep")
        })
    }
}

impl<'c> DeserializeSeed<'c> for Reading<'_, 'c> {
    type Value = ();

    fn deserialize<D: Deserializer<'c>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'c> Visitor<'c> for Reading<'_, 'c> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar(Node::Null);
        Ok(())
    }

    fn visit_bool<E>(self, it: bool) -> Result<(), E> {
        self.scalar(Node::Bool(it));
        Ok(())
    }

    fn visit_i64<E>(self, it: i64) -> Result<(), E> {
        self.scalar(Node::Num(Number::Int(it)));
        Ok(())
    }

    fn visit_u64<E>(self, it: u64) -> Result<(), E> {
        self.scalar(Node::Num(Number::of_u64(it)));
        Ok(())
    }

    fn visit_f64<E>(self, it: f64) -> Result<(), E> {
        self.scalar(Node::Num(Number::Float(it)));
        Ok(())
    }

    fn visit_str<E>(self, it: &str) -> Result<(), E> {
        self.scalar(Node::Str(Cow::Owned(it.to_owned())));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, it: &'c str) -> Result<(), E> {
        self.scalar(Node::Str(Cow::Borrowed(it)));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'c>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let at = self.onto.as_mut().map(|tape| tape.open());
        let mut len = 0;
        while seq.next_element_seed(Reading { onto: self.onto.as_deref_mut(), depth, ..self })?.is_some() {
            len += 1;
        }
        if let (Some(tape), Some(at)) = (self.onto, at) {
            tape.close_list(at, len);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'c>>(mut self, mut map: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let at = self.onto.as_mut().map(|tape| tape.open());
        let mut len = 0;
        while let Some(name) = map.next_key_seed(Name)? {
            if let Some(tape) = self.onto.as_mut() {
                tape.name(name);
            }
            map.next_value_seed(Reading { onto: self.onto.as_deref_mut(), depth, ..self })?;
            len += 1;
        }
        if let (Some(tape), Some(at)) = (self.onto, at) {
            tape.close_map(at, len);
        }
        Ok(())
    }
}

/// Reads the name of a member.
pub(super) struct Name;

impl<'c> DeserializeSeed<'c> for Name {
    type Value = Cow<'c, str>;

    fn deserialize<D: Deserializer<'c>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'c> Visitor<'c> for Name {
    type Value = Cow<'c, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, it: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(it.to_owned()))
    }

    fn visit_borrowed_str<E>(self, it: &'c str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(it))
    }
}
