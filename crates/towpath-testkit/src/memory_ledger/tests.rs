//! Tests of `memory_ledger`: its faults, and what the journal makes of them.

use std::sync::Arc;

use towpath_engine::journal::{Journal, audit};

use super::*;
use crate::conformance::ledger::{example_entry, example_signer};

async fn journal(ledger: &Arc<MemoryLedger>) -> Journal {
    Journal::open(ledger.clone(), example_signer()).await.unwrap()
}

#[tokio::test]
async fn a_fault_before_the_write_changes_nothing_and_the_journal_goes_on() {
    for fault in [LedgerFault::Full, LedgerFault::FailsBefore] {
        let ledger = Arc::new(MemoryLedger::default());
        let mut journal = journal(&ledger).await;
        ledger.plan_fault(1, fault);
        journal.append(vec![example_entry(0)]).await.unwrap();
        let error = journal.append(vec![example_entry(1)]).await.unwrap_err();
        assert_eq!(matches!(error, LedgerError::Full(_)), fault == LedgerFault::Full, "{error:?}");
        assert_eq!((journal.size(), ledger.head().await.unwrap().size), (1, 1));
        journal.append(vec![example_entry(1)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_a_conflict_until_the_journal_is_opened_again() {
    let ledger = Arc::new(MemoryLedger::default());
    let mut first = journal(&ledger).await;
    ledger.plan_fault(0, LedgerFault::FailsAfter);
    assert!(matches!(first.append(vec![example_entry(0)]).await, Err(LedgerError::Storage(_))));
    assert_eq!(first.size(), 0);
    let again = first.append(vec![example_entry(0)]).await;
    assert!(matches!(again, Err(LedgerError::Conflict { expected: 0, actual: 1 })));
    let mut second = journal(&ledger).await;
    second.append(vec![example_entry(1)]).await.unwrap();
    assert!(audit(ledger.as_ref(), second.verifier(), None).await.unwrap().is_sound());
}

#[tokio::test]
async fn after_a_crash_nothing_works_until_the_restart_and_then_the_disk_decides() {
    for (fault, survived) in [(LedgerFault::CrashesBefore, 1), (LedgerFault::CrashesAfter, 2)] {
        let ledger = Arc::new(MemoryLedger::default());
        let mut before = journal(&ledger).await;
        before.append(vec![example_entry(0)]).await.unwrap();
        ledger.plan_fault(0, fault);
        assert!(before.append(vec![example_entry(1)]).await.is_err());
        assert!(ledger.is_down());
        assert!(ledger.head().await.is_err() && ledger.read(0, 1).await.is_err());
        ledger.restart();
        assert_eq!(journal(&ledger).await.size(), survived);
    }
}

#[tokio::test]
async fn a_copy_is_another_disk() {
    let ledger = Arc::new(MemoryLedger::default());
    journal(&ledger).await.append(vec![example_entry(0)]).await.unwrap();
    ledger.plan_fault(0, LedgerFault::Full);
    let copy = Arc::new(ledger.copy());
    journal(&copy).await.append(vec![example_entry(1)]).await.unwrap();
    assert_eq!((ledger.head().await.unwrap().size, copy.head().await.unwrap().size), (1, 2));
}

#[tokio::test]
async fn tampering_is_found() {
    let ledger = Arc::new(MemoryLedger::default());
    let mut journal = journal(&ledger).await;
    journal.append((0..9).map(example_entry).collect()).await.unwrap();
    ledger.tamper(|entries, _| "forged".clone_into(&mut entries[4].entry.cause));
    let findings = audit(ledger.as_ref(), journal.verifier(), None).await.unwrap().findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].to_string(), "entry 4 was changed: not what was hashed when written");
}
