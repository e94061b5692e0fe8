//! Short texts that come again and again (`true`, `type`, `string`), made once.

use std::sync::Arc;

const PLACES: usize = 128;
const LONGEST: usize = 24;

/// Remembers one short text per place; what is not remembered is made anew.
pub(super) struct Words([Option<Arc<str>>; PLACES]);

impl Default for Words {
    fn default() -> Self {
        Self([const { None }; PLACES])
    }
}

impl Words {
    /// Returns the text, shared with an earlier equal one where that is still known.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        let (Some(first), Some(last)) = (text.as_bytes().first(), text.as_bytes().last()) else { return "".into() };
        let hash = usize::from(*first) * 7 + usize::from(*last) * 31 + text.len() * 13;
        match self.0.get_mut(hash % PLACES) {
            Some(Some(known)) if &**known == text => known.clone(),
            Some(place) if text.len() <= LONGEST => place.insert(text.into()).clone(),
            Some(_) | None => text.into(),
        }
    }
}
