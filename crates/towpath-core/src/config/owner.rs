//! Who answers for a variable, as its declaration says.

use super::Loaded;

impl Loaded {
    /// Returns who answers for a declared variable, if its declaration says so.
    pub fn owner_of(&self, name: &str) -> Option<&str> {
        self.declared.declaration(name)?.owner.as_deref()
    }
}
