//! Bytes as what a ledger stores: entries, checkpoints, proofs and snapshots, through the readers and the audit.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use towpath_core::{
    event::Event,
    ledger::{
        Checkpoint, CheckpointSigner, CheckpointVerifier, Entry, LedgerAudit, StoredCheckpoint, Tree,
        verify_consistency, verify_inclusion,
    },
    plan::plan,
    rollout::Observation,
    world::{World, read_snapshot, write_snapshot},
};

fuzz_target!(|bytes: &[u8]| {
    proofs(bytes);
    if let Some(world) = read_snapshot(bytes).map(|(_, world)| world) {
        use_world(&world);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let signer = CheckpointSigner::new("towpath/fuzz", &[7; 32]).expect("a fixed key is a key");
    let verifier: CheckpointVerifier = signer.verifier().clone();
    let _ = Checkpoint::read_unverified(text);
    let _ = verifier.verify(text);
    let _ = text.parse::<CheckpointVerifier>();

    let mut audit = LedgerAudit::new(verifier);
    audit.push_checkpoint(StoredCheckpoint { size: bytes.len() as u64, note: text.to_owned() });
    let mut world = World::default();
    let mut tree = Tree::default();
    let mut honest = true;
    for (place, line) in text.lines().enumerate() {
        let Ok(entry) = serde_json::from_str::<Entry>(line) else {
            audit.push_unreadable(place as u64, None, "no entry".to_owned());
            honest = false;
            continue;
        };
        let fits = entry.check().is_ok();
        assert_eq!(entry.canonical(), entry.clone().canonical());
        honest &= entry.sequence == place as u64;
        let leaf = entry.clone().into_leaf();
        audit.push(&leaf);
        tree.append(leaf.leaf_hash);
        if let Ok(event) = Event::from_entry(entry) {
            if fits {
                let again = Event::from_entry(event.to_entry()).expect("an event reads what it wrote");
                assert_eq!(again, event);
            }
            world = world.apply(&event);
        }
    }
    // Nothing of this was signed by us, so it is sound only if there is nothing.
    let report = audit.finish();
    assert!(!report.is_sound() || (honest && report.entries == 0), "{report:?}");
    use_world(&world);
    let _ = read_snapshot(&write_snapshot(&world, &tree));
});

/// A world that was read from damaged storage must not bring down who plans with it.
fn use_world(world: &World) {
    let _ = (world.next_release(), world.next_promotion(), world.next_revision());
    let _ = plan(world, &Observation::default(), Timestamp::UNIX_EPOCH);
}

fn proofs(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_at_checked(16) else { return };
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| head[at + index]));
    let hashes: Vec<&[u8]> = rest.chunks(32).collect();
    let [leaf, root, proof @ ..] = hashes.as_slice() else { return };
    // A proof of made-up hashes holds only for a tree whose root is the leaf itself.
    if verify_inclusion(number(0), number(8), leaf, proof, root).is_ok() {
        assert!(leaf == root && number(8) == 1);
    }
    let _ = verify_consistency(number(0), number(8), proof, leaf, root);
}
