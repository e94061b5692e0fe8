//! The audit: the newest checkpoint, and proofs made from the ledger's leaf hashes. Checking them is for the client.

use axum::{Json, extract::State};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use towpath_core::ledger::{Hash, ProofError, Tree, prove_consistency, prove_inclusion};
use utoipa::IntoParams;

use super::types::{CheckpointView, ConsistencyProof, InclusionProof};
use crate::{
    app::{App, Shared},
    extract::Params,
    problem::ApiError,
};

/// Leaf hashes read at once: 2 MiB.
const AT_ONCE: usize = 65_536;

/// Which entry to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InclusionQuery {
    /// The sequence of the entry.
    sequence: u64,
}

/// Which growth to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyQuery {
    /// The earlier number of entries, from 1.
    from: u64,
    /// The later number of entries; that of the newest checkpoint unless told.
    to: Option<u64>,
}

/// Shows the newest signed checkpoint.
#[utoipa::path(get, path = "/api/v1/audit/checkpoint", operation_id = "showCheckpoint", tag = "audit", responses(
    (status = 200, description = "The checkpoint over all entries.", body = CheckpointView),
))]
pub(crate) async fn checkpoint(State(app): State<Shared>) -> Result<Json<CheckpointView>, ApiError> {
    Ok(Json(newest(&app).await?))
}

/// Proves that an event is in the ledger.
#[utoipa::path(get, path = "/api/v1/audit/proof/inclusion", operation_id = "proveInclusion", tag = "audit", params(InclusionQuery), responses(
    (status = 200, description = "The proof and the checkpoint it leads to.", body = InclusionProof),
))]
pub(crate) async fn inclusion(
    State(app): State<Shared>,
    Params(query): Params<InclusionQuery>,
) -> Result<Json<InclusionProof>, ApiError> {
    let checkpoint = newest(&app).await?;
    let sequence = query.sequence;
    let (leaf, hashes) = with_leaves(&app, checkpoint.size, move |leaves| {
        let proof = prove_inclusion(leaves, sequence)?;
        let leaf = usize::try_from(sequence).ok().and_then(|index| leaves.get(index)).copied();
        Ok((leaf.ok_or(ProofError::NoSuchLeaf { index: sequence, size: leaves.len() as u64 })?, proof))
    })
    .await?;
    Ok(Json(InclusionProof { sequence, leaf_hash: hex::encode(leaf), hashes: encode(&hashes), checkpoint }))
}

/// Proves that the ledger was only added to.
#[utoipa::path(get, path = "/api/v1/audit/proof/consistency", operation_id = "proveConsistency", tag = "audit", params(ConsistencyQuery), responses(
    (status = 200, description = "The proof with both roots.", body = ConsistencyProof),
))]
pub(crate) async fn consistency(
    State(app): State<Shared>,
    Params(query): Params<ConsistencyQuery>,
) -> Result<Json<ConsistencyProof>, ApiError> {
    let size = newest(&app).await?.size;
    let (from, to) = (query.from, query.to.unwrap_or(size));
    if from == 0 || from > to || to > size {
        return Err(impossible(&ProofError::NoSuchRange { from, to }, size));
    }
    let (from_root, to_root, hashes) = with_leaves(&app, to, move |leaves| {
        let proof = prove_consistency(leaves, from)?;
        let first = usize::try_from(from).ok().and_then(|from| leaves.get(..from)).unwrap_or_default();
        Ok((Tree::of(first).root(), Tree::of(leaves).root(), proof))
    })
    .await?;
    let (from_root, to_root) = (hex::encode(from_root), hex::encode(to_root));
    Ok(Json(ConsistencyProof { from, to, from_root, to_root, hashes: encode(&hashes) }))
}

async fn newest(app: &App) -> Result<CheckpointView, ApiError> {
    let head = app.engine.ports().ledger.head().await?;
    let note = head.checkpoint.ok_or_else(|| ApiError::not_found("the ledger is empty; it has no checkpoint yet"))?;
    // C2SP tlog-checkpoint: origin, size, root in base64, each on its line.
    let mut lines = note.lines().skip(1);
    let size = lines.next().and_then(|line| line.parse().ok());
    let root = lines.next().and_then(|line| BASE64_STANDARD.decode(line).ok());
    match size.zip(root) {
        Some((size, root)) => Ok(CheckpointView { size, root: hex::encode(root), note }),
        None => {
            Err(ApiError::unavailable("ledger_unreadable", "the newest checkpoint is damaged")
                .next("towpath audit verify"))
        }
    }
}

/// Computes something from the first `size` leaf hashes, away from the threads that answer requests.
async fn with_leaves<T: Send + 'static>(
    app: &Shared,
    size: u64,
    compute: impl FnOnce(&[Hash]) -> Result<T, ProofError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = app.clone();
    // The lock is held throughout: proofs are made one at a time. Leaf hashes never change, so they are kept.
    let mut leaves = app.leaves.lock().await;
    while (leaves.len() as u64) < size {
        let more = app.engine.ports().ledger.leaf_hashes(leaves.len() as u64, AT_ONCE).await?;
        if more.is_empty() {
            return Err(ApiError::unavailable("ledger_unreadable", "the ledger has fewer entries than its checkpoint")
                .next("towpath audit verify"));
        }
        leaves.extend(more);
    }
    let taken = std::mem::take(&mut *leaves);
    let (result, taken) = tokio::task::spawn_blocking(move || {
        let first = usize::try_from(size).ok().and_then(|size| taken.get(..size)).unwrap_or_default();
        let result = compute(first);
        (result, taken)
    })
    .await
    .map_err(|error| ApiError::internal(&error))?;
    *leaves = taken;
    result.map_err(|error| impossible(&error, size))
}

fn impossible(error: &ProofError, size: u64) -> ApiError {
    ApiError::invalid("no_such_proof", error.to_string()).next(format!("the ledger has {size} entries now"))
}

fn encode(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}
