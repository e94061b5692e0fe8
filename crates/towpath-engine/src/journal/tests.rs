//! Tests of `journal`: how it judges what it finds. What it does with a ledger is in that port's conformance suite.

use towpath_core::ledger::leaf_hash;

use super::*;

fn signer() -> CheckpointSigner {
    CheckpointSigner::new("towpath.example/shop", &[7; 32]).unwrap()
}

fn tree(size: u8) -> Tree {
    Tree::of(&(0..size).map(|number| leaf_hash(&[number])).collect::<Vec<_>>())
}

fn judge(note: Option<&str>, size: u8) -> String {
    match check_head(note, &tree(size), signer().verifier()) {
        Ok(()) => "sound".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_head_is_judged_with_the_entry_and_the_reason() {
    let note = |size: u8| signer().sign(u64::from(size), tree(size).root());
    let of_another = CheckpointSigner::new("towpath.example/blog", &[7; 32]).unwrap().sign(3, tree(3).root());
    let verdicts = [
        judge(None, 0),
        judge(Some(&note(3)), 3),
        judge(None, 3),
        judge(Some(&note(4)), 3),
        judge(Some(&note(2)), 3),
        judge(Some(&signer().sign(3, tree(2).root())), 3),
        judge(Some(&of_another), 3),
        judge(Some("nonsense"), 3),
    ];
    assert_eq!(
        verdicts,
        [
            "sound",
            "sound",
            "the stored ledger is damaged at entry 2: there is no checkpoint over it",
            "the stored ledger is damaged at entry 3: it is missing; the checkpoint covers 4 entries",
            "the stored ledger is damaged at entry 2: it was added without a checkpoint",
            "the stored ledger is damaged at entry 2: the entries up to it are not those of the checkpoint",
            "the stored ledger is damaged at entry 2: the checkpoint is not signed by the expected key",
            "the stored ledger is damaged at entry 2: the checkpoint is not a signed note",
        ]
    );
}
