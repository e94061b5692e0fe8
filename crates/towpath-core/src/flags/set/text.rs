//! Texts that rules make, in the room for intermediate results.

use std::fmt::{self, Write};

use bumpalo::collections::String;

use super::{
    rule::Machine,
    value::{DEEPEST, Val},
};

/// A text being made.
pub(super) struct Text<'m, 'e> {
    text: String<'e>,
    machine: &'m Machine<'e>,
}

impl<'m, 'e> Text<'m, 'e> {
    /// Begins a text.
    pub(super) fn new(machine: &'m Machine<'e>) -> Self {
        Self { text: String::new_in(machine.room()), machine }
    }

    /// Adds a value as JavaScript's `String` writes it.
    pub(super) fn push(&mut self, value: Val<'e>) {
        self.push_deep(value, false, DEEPEST);
    }

    /// Adds a value as JavaScript's `join` writes it: `null` is nothing.
    pub(super) fn join(&mut self, value: Val<'e>) {
        self.push_deep(value, true, DEEPEST);
    }

    /// Returns the text.
    pub(super) fn finish(self) -> &'e str {
        self.text.into_bump_str()
    }

    fn push_deep(&mut self, value: Val<'e>, inside: bool, depth: usize) {
        // Writing into memory does not fail.
        let _ = match value {
            Val::Null if inside => Ok(()),
            Val::Null => self.write_str("null"),
            Val::Bool(true) => self.write_str("true"),
            Val::Bool(false) => self.write_str("false"),
            Val::Num(it) => it.write(self),
            Val::Str(it) => self.write_str(it),
            Val::Map(_) => self.write_str("[object Object]"),
            Val::List(_) if depth == 0 => {
                self.machine.give_up();
                Ok(())
            }
            Val::List(it) => {
                for (index, item) in it.iter().enumerate() {
                    if index > 0 {
                        let _ = self.write_str(",");
                    }
                    self.push_deep(item, true, depth - 1);
                }
                Ok(())
            }
        };
    }
}

impl Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.machine.spend(text.len()) {
            self.text.push_str(text);
        }
        Ok(())
    }
}
