//! Tests of `checkpoint`.

use proptest::prelude::*;
use signed_note::{Note, StandardVerifier, VerifierList};

use super::*;

fn signer() -> CheckpointSigner {
    CheckpointSigner::new("towpath.example/shop", &[7; 32]).unwrap()
}

#[test]
fn a_checkpoint_is_signed_and_checked() {
    let note = signer().sign(3, [9; 32]);
    let checkpoint = Checkpoint { origin: "towpath.example/shop".to_owned(), size: 3, root: [9; 32] };
    assert_eq!(signer().verifier().verify(&note), Ok(checkpoint.clone()));
    assert_eq!(Checkpoint::read_unverified(&note), Ok(checkpoint));
    assert_eq!(signer().sign(3, [9; 32]), note);
}

#[test]
fn the_published_implementation_accepts_our_checkpoints() {
    let note = signer().sign(1_234_567, [0xab; 32]);
    let key = signer().verifier().to_string();
    let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(&key).unwrap())]);
    let parsed = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unverified) = parsed.verify(&verifiers).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let theirs = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("towpath.example/shop", 1_234_567, [0xab; 32]));
    assert_eq!(theirs.to_bytes(), parsed.text());
}

/// The key and note of the C2SP reference implementation (golang.org/x/mod/sumdb/note, `example_test.go`).
#[test]
fn the_published_key_reads_and_its_note_verifies() {
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let verifier: CheckpointVerifier = key.parse().unwrap();
    assert_eq!(verifier.to_string(), key);
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    // The signature holds; the text is just no checkpoint.
    assert_eq!(verifier.verify(note), Err(CheckpointError::NotACheckpoint));
    assert_eq!(verifier.verify(&note.replace("then", "than")), Err(CheckpointError::WrongSignature));
}

#[test]
fn signatures_of_others_neither_help_nor_hurt() {
    let other = CheckpointSigner::new("witness.example", &[8; 32]).unwrap();
    let note = signer().sign(3, [9; 32]);
    let (text, _) = note.split_once("\n\n").unwrap();
    let cosignature = other.sign(3, [9; 32]);
    let line = cosignature.lines().last().unwrap();
    let cosigned = note.clone() + line + "\n";
    assert!(signer().verifier().verify(&cosigned).is_ok());
    assert_eq!(signer().verifier().verify(&format!("{text}\n\n{line}\n")), Err(CheckpointError::NotSigned));
    assert_eq!(other.verifier().verify(&note), Err(CheckpointError::NotSigned));
    let same_name = CheckpointSigner::new("towpath.example/shop", &[8; 32]).unwrap();
    assert_eq!(same_name.verifier().verify(&note), Err(CheckpointError::NotSigned));
}

#[test]
fn what_is_no_note_or_no_checkpoint_is_refused() {
    let verifier = signer().verifier().clone();
    let good = signer().sign(3, [9; 32]);
    for (changed, error) in [
        (String::new(), CheckpointError::NotANote),
        (good.trim_end().to_owned(), CheckpointError::NotANote),
        (good.replace("\n\n", "\n"), CheckpointError::NotANote),
        (good.replace('\n', "\r\n"), CheckpointError::NotANote),
        (good.replace('\u{2014}', "-"), CheckpointError::NotANote),
        (good.clone() + "\n", CheckpointError::NotANote),
        (good.replacen("\n3\n", "\n4\n", 1), CheckpointError::WrongSignature),
        (format!("\n{good}"), CheckpointError::WrongSignature),
        (good.clone() + &"\u{2014} a YWFhYWE=\n".repeat(101), CheckpointError::NotANote),
    ] {
        assert_eq!(verifier.verify(&changed), Err(error), "{changed}");
    }
    for text in ["a\n3\n", "a\n03\nAAAA\n", "a\n+3\nAAAA\n", "\n3\nAAAA\n", "a\n3\nAAAA\n\nb\n", "a\n-1\nAAAA\n"] {
        let root = BASE64_STANDARD.encode([0; 32]);
        let text = text.replace("AAAA", &root);
        assert!(Checkpoint::from_text(&text).is_err(), "{text:?}");
    }
    let extended = format!("a\n3\n{}\nextension\n", BASE64_STANDARD.encode([0; 32]));
    assert!(Checkpoint::from_text(&extended).is_ok());
}

#[test]
fn a_checkpoint_of_another_ledger_with_our_key_is_refused() {
    let note = signer().sign(3, [9; 32]);
    let text = note.split_once("\n\n").unwrap().0.replace("shop", "blog") + "\n";
    let mut signature = signer().verifier.id.to_vec();
    signature.extend_from_slice(&signer().key.sign(text.as_bytes()).to_bytes());
    let note = format!("{text}\n\u{2014} towpath.example/shop {}\n", BASE64_STANDARD.encode(signature));
    assert_eq!(signer().verifier().verify(&note), Err(CheckpointError::WrongOrigin));
}

#[test]
fn bad_keys_and_names_are_refused_with_the_reason() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert_eq!(CheckpointSigner::new(name, &[7; 32]).err(), Some(CheckpointKeyError::Name(name.to_owned())));
    }
    let key = signer().verifier().to_string();
    let wrong_id = key.replacen('+', "+0", 1);
    assert!(matches!(wrong_id.parse::<CheckpointVerifier>(), Err(CheckpointKeyError::Id(_))));
    for key in ["", "a", "a+b", "a+00000000+", "a+00000000+AgAA", "a+00000000+!!!"] {
        assert!(matches!(key.parse::<CheckpointVerifier>(), Err(CheckpointKeyError::Format(_))), "{key}");
    }
}

#[test]
fn the_secret_key_is_not_shown() {
    let shown = format!("{:?}", signer());
    assert!(!shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String, lines in "(\u{2014} [a-z.+]{0,4} [A-Za-z0-9+/=]{0,12}\n){0,3}") {
        let _ = signer().verifier().verify(&text);
        let _ = signer().verifier().verify(&format!("{text}\n\n{lines}"));
        let _ = text.parse::<CheckpointVerifier>();
    }

    #[test]
    fn a_changed_note_is_never_believed_to_say_something_else(place: usize, replacement: char) {
        let note = signer().sign(77, [3; 32]);
        let place = place % note.chars().count();
        let changed: String =
            note.chars().enumerate().map(|(index, c)| if index == place { replacement } else { c }).collect();
        if let Ok(checkpoint) = signer().verifier().verify(&changed) {
            prop_assert_eq!((checkpoint.size, checkpoint.root), (77, [3; 32]));
        }
    }
}

#[test]
fn only_this_ledger_seals_what_it_unseals() {
    let sealed = signer().seal(b"the world");
    assert_eq!(signer().unseal(&sealed), Some(b"the world".as_slice()));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(signer().unseal(&changed), None, "byte {at}");
    }
    assert_eq!(signer().unseal(&sealed[..sealed.len() - 1]), None);
    assert_eq!(signer().unseal(b"the world"), None);
    assert_eq!(signer().unseal(b""), None);
    let (renamed, other) =
        (CheckpointSigner::new("other", &[7; 32]), CheckpointSigner::new("towpath.example/shop", &[8; 32]));
    assert_eq!(renamed.unwrap().unseal(&sealed), None);
    assert_eq!(other.unwrap().unseal(&sealed), None);
}

#[test]
fn a_checkpoint_is_not_taken_for_something_sealed() {
    let note = signer().sign(3, [9; 32]);
    let (text, lines) = split_note(&note).unwrap();
    let (_, _, signature) = signature_line(lines.trim_end()).unwrap();
    assert_eq!(signer().unseal(&[&signature[..], text.as_bytes()].concat()), None);
}
