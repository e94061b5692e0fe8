//! Checkpoints and proofs hold.

use serde_json::Value;
use towpath_core::ledger::{verify_consistency, verify_inclusion};

use crate::house::{House, signer};

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hashes(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().unwrap().iter().map(bytes).collect()
}

#[tokio::test]
async fn an_empty_ledger_has_no_checkpoint() {
    let house = House::new().await;
    house.get("/api/v1/audit/checkpoint").await.is_problem(404, "not_found");
    house.get("/api/v1/audit/proof/inclusion?sequence=0").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn the_checkpoint_is_signed_and_every_event_is_proved_to_be_under_it() {
    let house = House::with_canary().await;
    let checkpoint = house.get("/api/v1/audit/checkpoint").await.ok(200);
    let said = signer().verifier().verify(checkpoint["note"].as_str().unwrap()).unwrap();
    assert_eq!((said.size, said.root.to_vec()), (checkpoint["size"].as_u64().unwrap(), bytes(&checkpoint["root"])));
    for sequence in 0..said.size {
        let proof = house.get(&format!("/api/v1/audit/proof/inclusion?sequence={sequence}")).await.ok(200);
        let (leaf, path) = (bytes(&proof["leafHash"]), hashes(&proof["hashes"]));
        verify_inclusion(sequence, said.size, &leaf, &path, &said.root).unwrap();
    }
    let path = format!("/api/v1/audit/proof/inclusion?sequence={}", said.size);
    house.get(&path).await.is_problem(422, "no_such_proof");
    house.get("/api/v1/audit/proof/inclusion").await.is_problem(400, "query_invalid");
}

#[tokio::test]
async fn the_ledger_is_proved_to_have_only_grown() {
    let house = House::new().await;
    house.release("1.0").await;
    let before = house.get("/api/v1/audit/checkpoint").await.ok(200);
    house.settle().await;
    let from = before["size"].as_u64().unwrap();
    let proof = house.get(&format!("/api/v1/audit/proof/consistency?from={from}")).await.ok(200);
    let (from_root, to_root) = (bytes(&proof["fromRoot"]), bytes(&proof["toRoot"]));
    assert_eq!(from_root, bytes(&before["root"]));
    let to = proof["to"].as_u64().unwrap();
    verify_consistency(from, to, &hashes(&proof["hashes"]), &from_root, &to_root).unwrap();
    for query in ["from=0", "from=3&to=2", "from=1&to=999"] {
        let answer = house.get(&format!("/api/v1/audit/proof/consistency?{query}")).await;
        answer.is_problem(422, "no_such_proof");
    }
}
