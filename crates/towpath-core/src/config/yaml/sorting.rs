//! Entries in the order of their keys, quickly: most keys of one map begin alike, and the next bytes tell them apart.

use super::Entry;

/// Sorts by key; `false` if a key is there twice.
pub(super) fn sort(entries: &mut Vec<Entry>) -> bool {
    if entries.is_sorted_by(|a, b| a.key < b.key) {
        return true;
    }
    let skip = common(entries);
    let mut order: Vec<(u64, usize)> =
        entries.iter().enumerate().map(|(place, entry)| (head(&entry.key, skip), place)).collect();
    let key = |place: usize| entries.get(place).map(|entry| &entry.key);
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
    let twice = order.windows(2).any(|pair| match pair {
        [a, b] => a.0 == b.0 && key(a.1) == key(b.1),
        _ => false,
    });
    let mut taken: Vec<Option<Entry>> = entries.drain(..).map(Some).collect();
    entries.extend(order.into_iter().filter_map(|(_, place)| taken.get_mut(place)?.take()));
    !twice
}

/// Returns how many bytes all keys begin with.
fn common(entries: &[Entry]) -> usize {
    let Some(first) = entries.first() else { return 0 };
    entries.iter().fold(first.key.len(), |length, entry| {
        let same = entry.key.bytes().zip(first.key.bytes()).take(length).take_while(|(a, b)| a == b);
        same.count()
    })
}

/// Returns eight bytes of a key as a number that orders as they do. A key that ends earlier comes first, or equal to one
/// that goes on with zeros, which the whole keys then decide.
fn head(key: &str, skip: usize) -> u64 {
    let mut bytes = key.bytes().skip(skip);
    (0..8).fold(0, |number, _| number << 8 | u64::from(bytes.next().unwrap_or(0)))
}
