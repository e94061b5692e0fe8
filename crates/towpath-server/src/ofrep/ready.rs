//! What an environment serves, made ready once per change: the pieces of answers as JSON, and the counters beside them.
//!
//! Counters are as many as there are flags, variants and reasons, whatever callers ask for. Counting takes no lock: each thread
//! has cells of its own, which are added up and emptied when they are written down.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
};

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use towpath_core::{
    flags::{Evaluation, FlagDefinition, FlagKey, Reason},
    ids::EnvironmentName,
};
use towpath_engine::flags::{FlagSets, Served};

use super::write::json_text;

/// Members of metadata that are for those who look after a flag, not for everybody who opens a page.
const INTERNAL: [&str; 3] = ["owner", "tags", "description"];
const REASONS: [Reason; 5] = [Reason::Static, Reason::TargetingMatch, Reason::Default, Reason::Disabled, Reason::Error];
/// Cells per variant: each reason, asked for alone and among all.
const CELLS: usize = REASONS.len() * 2;
/// More threads than this share cells.
const MOST_SHARDS: usize = 4;

/// What every environment serves, made ready.
pub(crate) struct Evaluating {
    current: ArcSwap<BTreeMap<EnvironmentName, Arc<Ready>>>,
    /// What is counted in, with what was served before and may still be counted in.
    counting: Mutex<Vec<Arc<Ready>>>,
    nothing: Arc<Served>,
}

/// What one environment serves, made ready.
pub(crate) struct Ready {
    pub(crate) environment: EnvironmentName,
    pub(crate) served: Arc<Served>,
    /// One for each flag of the set, in its order.
    pub(super) pieces: Vec<Piece>,
    /// The end of an answer with every flag, for services and for clients.
    pub(super) ends: [String; 2],
    /// About how long an answer with every flag is.
    pub(super) length: AtomicUsize,
    shards: Box<[Box<[AtomicU32]>]>,
}

/// The pieces of answers about one flag.
pub(super) struct Piece {
    pub(super) key: FlagKey,
    /// `{"key":"…"`.
    pub(super) head: String,
    /// Whether clients may see it.
    pub(super) client: bool,
    /// The metadata that clients may see.
    pub(super) client_metadata: Option<String>,
    variants: Vec<Variant>,
    /// Where its cells begin.
    cells: usize,
}

struct Variant {
    name: String,
    json: String,
}

/// Counts of one flag that were taken out of the cells.
pub(super) struct Tally<'r> {
    pub(super) flag: &'r FlagKey,
    pub(super) variant: Option<&'r str>,
    pub(super) reason: Reason,
    pub(super) bulk: bool,
    pub(super) count: u64,
}

impl Evaluating {
    pub(crate) fn new() -> Self {
        Self { current: ArcSwap::default(), counting: Mutex::default(), nothing: Arc::default() }
    }

    /// Returns what an environment serves now.
    pub(crate) fn ready(&self, sets: &FlagSets, environment: &EnvironmentName) -> Arc<Ready> {
        let served = sets.served(environment).unwrap_or_else(|| Arc::clone(&self.nothing));
        let known = |ready: &&Arc<Ready>| Arc::ptr_eq(&ready.served, &served);
        if let Some(ready) = self.current.load().get(environment).filter(known) {
            return Arc::clone(ready);
        }
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = self.current.load().get(environment).filter(known) {
            return Arc::clone(ready);
        }
        let ready = Arc::new(Ready::new(environment, served));
        let mut all = BTreeMap::clone(&self.current.load());
        all.insert(environment.clone(), Arc::clone(&ready));
        self.current.store(Arc::new(all));
        counting.push(Arc::clone(&ready));
        ready
    }

    /// Returns everything that may have counts, and lets go of what nobody counts in any more once this is dropped.
    pub(super) fn counting(&self) -> Vec<Arc<Ready>> {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counting.clone();
        let current: BTreeSet<*const Ready> = self.current.load().values().map(Arc::as_ptr).collect();
        // Two are this list and the copy that is returned: whoever else holds one is still answering with it.
        counting.retain(|ready| current.contains(&Arc::as_ptr(ready)) || Arc::strong_count(ready) > 2);
        all
    }

    /// Forgets environments that are gone.
    pub(super) fn retain(&self, exists: impl Fn(&EnvironmentName) -> bool) -> Vec<EnvironmentName> {
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::clone(&self.current.load());
        let gone: Vec<_> = all.keys().filter(|name| !exists(name)).cloned().collect();
        if !gone.is_empty() {
            all.retain(|name, _| exists(name));
            self.current.store(Arc::new(all));
        }
        gone
    }
}

impl Ready {
    fn new(environment: &EnvironmentName, served: Arc<Served>) -> Self {
        let mut cells = 0;
        let document = &served.document;
        let pieces: Vec<Piece> = served
            .set
            .flags()
            .filter_map(|flag| {
                let key = FlagKey::new(flag.key()).ok()?;
                let piece = Piece::new(key, document.flags.get(flag.key()), &document.metadata, cells);
                cells += (piece.variants.len() + 1) * CELLS;
                Some(piece)
            })
            .collect();
        let mut metadata = document.metadata.clone();
        metadata.insert("flagSetId".to_owned(), Value::String(environment.to_string()));
        let end = |metadata: &Map<String, Value>| format!("],\"metadata\":{}}}", Value::Object(metadata.clone()));
        let ends = [end(&scalars(metadata.clone())), end(&public(metadata))];
        let shards = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_SHARDS);
        let shards = (0..shards).map(|_| (0..cells).map(|_| AtomicU32::new(0)).collect()).collect();
        let length = AtomicUsize::new(256);
        Self { environment: environment.clone(), served, pieces, ends, length, shards }
    }

    /// Returns the pieces of a flag.
    pub(super) fn piece(&self, key: &str) -> Option<&Piece> {
        let index = self.pieces.binary_search_by(|piece| piece.key.as_str().cmp(key)).ok()?;
        self.pieces.get(index)
    }

    /// Counts an evaluation and returns its variant as JSON text, if it is one of those that the flag has.
    pub(super) fn count<'r>(&'r self, piece: &'r Piece, evaluation: &Evaluation<'_>, bulk: bool) -> Option<&'r str> {
        let found = evaluation
            .variant
            .and_then(|name| piece.variants.iter().enumerate().find(|(_, variant)| variant.name == name));
        let row = found.map_or(0, |(index, _)| index + 1);
        let cell = piece.cells + row * CELLS + reason(evaluation.reason) * 2 + usize::from(bulk);
        if let Some(cell) = self.shards.get(shard() % self.shards.len().max(1)).and_then(|cells| cells.get(cell)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        found.map(|(_, variant)| variant.json.as_str())
    }

    /// Takes out what was counted.
    pub(super) fn take(&self) -> Vec<Tally<'_>> {
        let mut taken = Vec::new();
        for piece in &self.pieces {
            let names = std::iter::once(None).chain(piece.variants.iter().map(|variant| Some(variant.name.as_str())));
            for (row, variant) in names.enumerate() {
                for (index, reason) in REASONS.into_iter().enumerate() {
                    for bulk in [false, true] {
                        let count = self.take_cell(piece.cells + row * CELLS + index * 2 + usize::from(bulk));
                        if count > 0 {
                            taken.push(Tally { flag: &piece.key, variant, reason, bulk, count });
                        }
                    }
                }
            }
        }
        taken
    }

    fn take_cell(&self, cell: usize) -> u64 {
        let cells = self.shards.iter().filter_map(|cells| cells.get(cell));
        // Most are empty: looking first spares the write.
        let full = cells.filter(|cell| cell.load(Ordering::Relaxed) > 0);
        full.map(|cell| u64::from(cell.swap(0, Ordering::Relaxed))).sum()
    }
}

impl Piece {
    fn new(key: FlagKey, flag: Option<&FlagDefinition>, of_set: &Map<String, Value>, cells: usize) -> Self {
        let variants = flag.into_iter().flat_map(|flag| flag.variants.keys());
        let variants = variants.map(|name| Variant { name: name.clone(), json: json_text(name) }).collect();
        let mut metadata = of_set.clone();
        metadata.extend(flag.into_iter().flat_map(|flag| flag.metadata.clone()));
        let metadata = public(metadata);
        Self {
            head: format!("{{\"key\":{}", json_text(key.as_str())),
            client: flag.is_none_or(|flag| flag.towpath.client != Some(false)),
            client_metadata: (!metadata.is_empty()).then(|| Value::Object(metadata).to_string()),
            variants,
            cells,
            key,
        }
    }
}

/// Leaves out of metadata what clients need not know.
fn public(mut metadata: Map<String, Value>) -> Map<String, Value> {
    metadata.retain(|name, _| !INTERNAL.contains(&name.as_str()));
    scalars(metadata)
}

/// Leaves out of metadata what the protocol does not allow there.
fn scalars(mut metadata: Map<String, Value>) -> Map<String, Value> {
    metadata.retain(|_, value| value.is_boolean() || value.is_string() || value.is_number());
    metadata
}

const fn reason(reason: Reason) -> usize {
    match reason {
        Reason::Static => 0,
        Reason::TargetingMatch => 1,
        Reason::Default => 2,
        Reason::Disabled => 3,
        Reason::Error => 4,
    }
}

/// Returns which cells this thread counts in.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
    }
    SHARD.with(|shard| {
        shard.get().unwrap_or_else(|| {
            let mine = NEXT.fetch_add(1, Ordering::Relaxed);
            shard.set(Some(mine));
            mine
        })
    })
}

#[cfg(test)]
mod tests;
