//! The schedule of data keys: a new one for new values in time, old ones for reading only, gone once nothing needs them.

use jiff::Timestamp;

use crate::{lifecycle::later, secrets::store::SecretStore, units::Millis};

/// How long a data key is used for new values if nothing else is declared.
pub const DATA_KEY_EVERY: Millis = Millis::from_secs(90 * 86_400);
/// How many values are encrypted by one data key at most: far below where random nonces of 96 bits may repeat (NIST SP
/// 800-38D, 8.3, allows 2³²).
pub const MAX_SEALS: u64 = 1 << 30;

/// What is to be done about the data keys of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKeyWork {
    /// A new key is to be made.
    Make,
    /// What is encrypted by older keys is to be encrypted by the newest: some of it at a time.
    Reseal {
        /// The newest.
        to: u32,
        /// How many values are left.
        left: usize,
    },
    /// A key is to be retired: nothing is encrypted by it.
    Retire {
        /// Which.
        version: u32,
    },
}

/// Returns the next thing to do about data keys; nothing for a store that was never used. `now_please` makes a new key although
/// the newest is still good.
pub fn data_key_work(store: &SecretStore, every: Millis, now: Timestamp) -> Option<DataKeyWork> {
    let (newest, key) = store.newest_key()?;
    if now >= later(key.at, every) || key.seals >= MAX_SEALS {
        return Some(DataKeyWork::Make);
    }
    let left = store.living().filter(|(_, _, version)| version.data_key != newest).count();
    if left > 0 {
        return Some(DataKeyWork::Reseal { to: newest, left });
    }
    let used = store.keys_in_use();
    // The manifest is keyed by a data key too: what the last change was marked by is needed to check it.
    let marked = store.mark.map(|mark| mark.data_key);
    let idle = store.data_keys.iter().find(|(version, key)| {
        key.retired_at.is_none() && **version != newest && !used.contains(version) && marked != Some(**version)
    });
    idle.map(|(version, _)| DataKeyWork::Retire { version: *version })
}
