//! The keys of a map with their values: sorted, shared between trees until one of them changes it.

use std::{cmp::Ordering, fmt, slice, sync::Arc};

use super::Member;

/// One key with what is under it.
type Pair = (Arc<str>, Member);

/// Members by key, in the order of the keys. Cheap to clone; the first change of a clone copies one level.
#[derive(Clone, Default, PartialEq)]
pub struct Members(Arc<Vec<Pair>>);

/// Every key with its member, in the order of the keys.
pub(crate) type Iter<'a> = std::iter::Map<slice::Iter<'a, Pair>, fn(&'a Pair) -> (&'a Arc<str>, &'a Member)>;

impl Members {
    /// Returns no members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the member of a key.
    pub fn get(&self, key: &str) -> Option<&Member> {
        let place = self.find(key).ok()?;
        self.0.get(place).map(|(_, member)| member)
    }

    /// Returns the key as it is kept, with its member.
    pub fn get_key_value(&self, key: &str) -> Option<(&Arc<str>, &Member)> {
        let place = self.find(key).ok()?;
        self.0.get(place).map(|(key, member)| (key, member))
    }

    /// Says whether there is a member of this key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Returns every key with its member, in the order of the keys.
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }

    /// Returns every key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Returns every member, in the order of the keys.
    pub fn values(&self) -> impl Iterator<Item = &Member> {
        self.0.iter().map(|(_, member)| member)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Member> {
        let place = self.find(key).ok()?;
        self.at_mut(place)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Member)> {
        Arc::make_mut(&mut self.0).iter_mut().map(|(key, member)| (&*key, member))
    }

    /// Puts a member in its place; one of the same key is returned. For many at once, use [`Members::add`].
    pub(crate) fn insert(&mut self, key: Arc<str>, member: Member) -> Option<Member> {
        let place = self.find(&key);
        let pairs = Arc::make_mut(&mut self.0);
        match place {
            Ok(place) => pairs.get_mut(place).map(|(_, old)| std::mem::replace(old, member)),
            Err(place) => {
                pairs.insert(place, (key, member));
                None
            }
        }
    }

    /// Returns the member at a place.
    pub(crate) fn at_mut(&mut self, place: usize) -> Option<&mut Member> {
        Arc::make_mut(&mut self.0).get_mut(place).map(|(_, member)| member)
    }

    /// Adds members none of whose keys is there yet, all in one go.
    pub(crate) fn add(&mut self, mut more: Vec<Pair>) {
        sort(&mut more);
        if self.is_empty() {
            self.0 = Arc::new(more);
        } else if !more.is_empty() {
            let pairs = Arc::make_mut(&mut self.0);
            pairs.append(&mut more);
            // Two sorted runs: the stable sort finds them and merges in one pass.
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_ref().cmp(key))
    }

    /// Returns where a key is, or would be, at or after `from`; fast where that is near.
    pub(crate) fn find_from(&self, from: usize, key: &str) -> Result<usize, usize> {
        let rest = self.0.get(from..).unwrap_or_default();
        let mut reach = 1;
        // The step doubles until it passes the key, so that a walk over sorted keys costs little per key.
        while let Some((other, _)) = rest.get(reach - 1) {
            match other.as_ref().cmp(key) {
                Ordering::Equal => return Ok(from + reach - 1),
                Ordering::Less => reach *= 2,
                Ordering::Greater => break,
            }
        }
        let (low, high) = (reach / 2, rest.len().min(reach));
        let found = rest.get(low..high).unwrap_or_default().binary_search_by(|(other, _)| other.as_ref().cmp(key));
        found.map(|place| from + low + place).map_err(|place| from + low + place)
    }
}

fn sort(pairs: &mut [Pair]) {
    if !pairs.is_sorted_by(|(a, _), (b, _)| a < b) {
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
}

impl FromIterator<Pair> for Members {
    /// Of members of the same key the last stays.
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Self {
        let mut pairs: Vec<Pair> = pairs.into_iter().collect();
        sort(&mut pairs);
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self(Arc::new(pairs))
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a Arc<str>, &'a Member);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.0.iter().map(|(key, member)| (key, member))
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests;
