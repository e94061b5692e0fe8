//! Tests of `proof`.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use serde::Deserialize;
use sha2::Sha256;

use super::{super::tree::leaf_hash, *};

fn leaves(count: u32) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// Bytes as the published cases write them: base64, or `null` for none.
fn bytes(text: Option<&String>) -> Vec<u8> {
    BASE64_STANDARD.decode(text.map_or("", String::as_str)).unwrap()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionCase {
    leaf_idx: u64,
    tree_size: u64,
    root: Option<String>,
    leaf_hash: Option<String>,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsistencyCase {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

fn proof_bytes(proof: Option<&Vec<String>>) -> Vec<Vec<u8>> {
    proof.into_iter().flatten().map(|hash| bytes(Some(hash))).collect()
}

/// Calls `check` with the text of each published case below `kind` and returns how many there are.
fn published(kind: &str, check: impl Fn(&str)) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/merkle").join(kind);
    let (mut folders, mut count) = (vec![folder], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                count += 1;
                check(&read(&path));
            }
        }
    }
    count
}

#[expect(clippy::disallowed_methods, reason = "published cases are read where they lie")]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "says that there is nothing to compare with")]
fn the_published_inclusion_cases_are_judged_right() {
    let count = published("inclusion", |text| {
        let case: InclusionCase = serde_json::from_str(text).unwrap();
        let verdict = verify_inclusion(
            case.leaf_idx,
            case.tree_size,
            &bytes(case.leaf_hash.as_ref()),
            &proof_bytes(case.proof.as_ref()),
            &bytes(case.root.as_ref()),
        );
        assert_eq!(verdict.is_err(), case.want_err, "{}: {verdict:?}", case.desc);
    });
    if count == 0 {
        println!("skipped: the published inclusion cases are not here");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "says that there is nothing to compare with")]
fn the_published_consistency_cases_are_judged_right() {
    let count = published("consistency", |text| {
        let case: ConsistencyCase = serde_json::from_str(text).unwrap();
        let verdict = verify_consistency(
            case.size1,
            case.size2,
            &proof_bytes(case.proof.as_ref()),
            &bytes(case.root1.as_ref()),
            &bytes(case.root2.as_ref()),
        );
        assert_eq!(verdict.is_err(), case.want_err, "{}: {verdict:?}", case.desc);
    });
    if count == 0 {
        println!("skipped: the published consistency cases are not here");
    }
}

#[test]
fn every_proof_of_every_small_tree_holds() {
    for size in 1..=40_u64 {
        let leaves = leaves(u32::try_from(size).unwrap());
        let root = Tree::of(&leaves).root();
        for (index, leaf) in (0..).zip(&leaves) {
            let proof = prove_inclusion(&leaves, index).unwrap();
            assert_eq!(verify_inclusion(index, size, leaf, &proof, &root), Ok(()), "{index} of {size}");
        }
        for from in 1..=size {
            let proof = prove_consistency(&leaves, from).unwrap();
            let earlier = Tree::of(&leaves[..usize::try_from(from).unwrap()]).root();
            assert_eq!(verify_consistency(from, size, &proof, &earlier, &root), Ok(()), "{from} of {size}");
        }
    }
}

#[test]
fn proofs_are_those_of_another_implementation() {
    for size in 1..=70_u32 {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        (0..size).for_each(|number| theirs.push(number.to_be_bytes().to_vec()));
        let ours = leaves(size);
        for index in 0..size {
            let proof = prove_inclusion(&ours, u64::from(index)).unwrap();
            assert_eq!(proof.concat(), theirs.prove_inclusion(index as usize).as_bytes(), "{index} of {size}");
        }
        for from in 1..size {
            let proof = prove_consistency(&ours, u64::from(from)).unwrap();
            assert_eq!(proof.concat(), theirs.prove_consistency((size - from) as usize).as_bytes(), "{from} of {size}");
        }
    }
}

#[test]
fn there_is_no_proof_of_what_is_not_there() {
    assert_eq!(prove_inclusion(&[], 0), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(prove_inclusion(&leaves(3), 3), Err(ProofError::NoSuchLeaf { index: 3, size: 3 }));
    assert_eq!(prove_inclusion(&leaves(3), u64::MAX), Err(ProofError::NoSuchLeaf { index: u64::MAX, size: 3 }));
    assert_eq!(prove_consistency(&leaves(3), 0), Err(ProofError::NoSuchRange { from: 0, to: 3 }));
    assert_eq!(prove_consistency(&leaves(3), 4), Err(ProofError::NoSuchRange { from: 4, to: 3 }));
}

#[test]
fn a_hash_of_another_length_is_refused_wherever_it_stands() {
    let leaves = leaves(5);
    let root = Tree::of(&leaves).root();
    let mut proof: Vec<Vec<u8>> = prove_inclusion(&leaves, 2).unwrap().iter().map(|hash| hash.to_vec()).collect();
    assert_eq!(verify_inclusion(2, 5, &leaves[2][..31], &proof, &root), Err(ProofError::NotAHash(31)));
    assert_eq!(verify_inclusion(2, 5, &leaves[2], &proof, &root[..31]), Err(ProofError::WrongRoot));
    proof[1].push(0);
    assert_eq!(verify_inclusion(2, 5, &leaves[2], &proof, &root), Err(ProofError::NotAHash(33)));
}

proptest! {
    #[test]
    fn a_changed_proof_never_holds(size in 2..200_u32, index: u32, place: usize, bit in 0..256_usize, cut: bool) {
        let leaves = leaves(size);
        let root = Tree::of(&leaves).root();
        let index = index % size;
        let mut proof = prove_inclusion(&leaves, u64::from(index)).unwrap();
        let place = place % proof.len();
        if cut { proof.remove(place); } else { proof[place][bit / 8] ^= 1 << (bit % 8); }
        let leaf = &leaves[index as usize];
        prop_assert!(verify_inclusion(u64::from(index), u64::from(size), leaf, &proof, &root).is_err());
    }

    #[test]
    fn a_changed_history_never_proves_consistent(size in 2..200_u32, from: u32, changed: u32) {
        let from = 1 + from % (size - 1);
        let mut forged = leaves(size);
        let earlier = Tree::of(&forged[..from as usize]).root();
        forged[(changed % from) as usize][0] ^= 1;
        let later = Tree::of(&forged).root();
        let proof = prove_consistency(&forged, u64::from(from)).unwrap();
        prop_assert!(verify_consistency(u64::from(from), u64::from(size), &proof, &earlier, &later).is_err());
    }

    #[test]
    fn no_input_makes_the_checks_panic(
        from: u64, to: u64, proof in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 30..34), 0..70), root: [u8; 32],
    ) {
        let _ = verify_inclusion(from, to, &root, &proof, &root);
        let _ = verify_consistency(from, to, &proof, &root, &root);
    }
}
