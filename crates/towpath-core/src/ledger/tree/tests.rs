//! Tests of `tree`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;

use super::*;

/// The example leaves and roots of RFC 6962 as its reference implementation has them (certificate-transparency,
/// `merkle_tree_test`).
#[test]
fn the_tree_has_the_roots_of_the_reference() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    assert_eq!(hex::encode(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in leaves.iter().zip(roots) {
        tree.append(leaf_hash(&hex::decode(leaf).unwrap()));
        assert_eq!(hex::encode(tree.root()), root, "at {} leaves", tree.size());
    }
}

#[test]
fn the_tree_agrees_with_another_implementation_at_every_size() {
    let mut ours = Tree::default();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for number in 0..600_u32 {
        assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice(), "at {number} leaves");
        let leaf = number.to_be_bytes().to_vec();
        ours.append(leaf_hash(&leaf));
        theirs.push(leaf);
    }
}
