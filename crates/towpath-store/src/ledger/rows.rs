//! Turns rows into entries. Whatever the file holds, the answer is an entry or the reason why there is none.

use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::{Entry, Hash, LeafEntry, StoredCheckpoint},
};
use towpath_engine::ports::LedgerError;

use super::unsigned;

/// Returns the time as it is stored: nine decimals always, so that the order of the texts is the order of the times.
pub(super) fn time_text(time: Timestamp) -> String {
    format!("{time:.9}")
}

/// Reads a row of entries; `from` stands for its sequence if not even that can be read.
pub(super) fn leaf_entry(row: &SqliteRow, from: u64) -> Result<LeafEntry, LedgerError> {
    let sequence = row.try_get::<i64, _>(0).map_or(from, unsigned);
    parse(row, sequence).map_err(|reason| LedgerError::Damaged { sequence, reason })
}

fn parse(row: &SqliteRow, sequence: u64) -> Result<LeafEntry, String> {
    let (at, principal, body) = (text(row, 1)?, text(row, 2)?, text(row, 7)?);
    let environment: Option<&str> = row.try_get(4).map_err(|error| error.to_string())?;
    let version: i64 = row.try_get(6).map_err(|error| error.to_string())?;
    let leaf_hash: &[u8] = row.try_get(8).map_err(|error| error.to_string())?;
    let entry = Entry {
        sequence,
        at: at.parse().map_err(|_| format!("`{at}` is not a time"))?,
        principal: PrincipalName::new(principal).map_err(|error| error.to_string())?,
        cause: text(row, 3)?.to_owned(),
        environment: environment.map(EnvironmentName::new).transpose().map_err(|error| error.to_string())?,
        kind: text(row, 5)?.to_owned(),
        version: u16::try_from(version).map_err(|_| format!("`{version}` is not a version"))?,
        body: serde_json::from_str(body).map_err(|error| format!("its body is not JSON: {error}"))?,
    };
    let leaf_hash = Hash::try_from(leaf_hash).map_err(|_| "its hash is not 32 bytes long".to_owned())?;
    Ok(LeafEntry { entry, leaf_hash })
}

fn text(row: &SqliteRow, column: usize) -> Result<&str, String> {
    row.try_get(column).map_err(|error| error.to_string())
}

/// Reads hashes written as 64 hexadecimal digits each.
pub(super) fn hashes(text: &str) -> Option<Vec<Hash>> {
    let (digits, rest) = text.as_bytes().as_chunks::<64>();
    if !rest.is_empty() {
        return None;
    }
    let hash = |digits: &[u8; 64]| {
        let mut hash = Hash::default();
        hex::decode_to_slice(digits, &mut hash).ok().map(|()| hash)
    };
    digits.iter().map(hash).collect()
}

/// Reads a row of checkpoints.
pub(super) fn checkpoint(row: &SqliteRow) -> Result<StoredCheckpoint, sqlx::Error> {
    Ok(StoredCheckpoint { size: unsigned(row.try_get(0)?), note: row.try_get(1)? })
}
