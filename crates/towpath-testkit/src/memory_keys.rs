//! A fake of the key port: a table of what was wrapped. It encrypts nothing, so nothing can be decrypted elsewhere.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use towpath_engine::ports::{DataKeyBytes, KeyContext, KeyError, KeyProvider};

/// Keys in memory; what is wrapped is a ticket for one.
#[derive(Default)]
pub struct MemoryKeys {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tickets: BTreeMap<Vec<u8>, (KeyContext, DataKeyBytes)>,
    issued: u64,
    fault: Option<KeyFault>,
    wraps: u64,
    unwraps: u64,
}

/// What goes wrong with every call until it is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// It cannot be reached.
    Away,
    /// It says no.
    Refused,
}

impl MemoryKeys {
    /// Lets every call fail from here on, or none any more.
    pub fn set_fault(&self, fault: Option<KeyFault>) {
        self.lock().fault = fault;
    }

    /// Returns how often a key was wrapped and unwrapped, in this order. Wrapping anew is both.
    pub fn calls(&self) -> (u64, u64) {
        let state = self.lock();
        (state.wraps, state.unwraps)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), KeyError> {
        let (provider, reason) = ("the keys in memory".to_owned(), "the test says so".to_owned());
        match self.fault {
            None => Ok(()),
            Some(KeyFault::Away) => Err(KeyError::Away { provider, reason }),
            Some(KeyFault::Refused) => Err(KeyError::Refused { provider, reason }),
        }
    }

    fn wrap(&mut self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.check()?;
        self.wraps += 1;
        self.issued += 1;
        // Every byte counts, so that a changed one is noticed.
        let ticket =
            format!("memory-key:{:016x}:{:016x}", self.issued, self.issued.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.tickets.insert(ticket.clone().into_bytes(), (context.clone(), key.clone()));
        Ok(ticket.into_bytes())
    }

    fn unwrap(&mut self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        self.check()?;
        self.unwraps += 1;
        match self.tickets.get(wrapped) {
            Some((bound, key)) if bound == context => Ok(key.clone()),
            Some(_) | None => Err(KeyError::Damaged {
                provider: "the keys in memory".to_owned(),
                environment: context.environment.clone(),
                version: context.version,
            }),
        }
    }
}

#[async_trait]
impl KeyProvider for MemoryKeys {
    fn id(&self) -> String {
        "memory".to_owned()
    }

    async fn wrap(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.lock().wrap(key, context)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        self.lock().unwrap(wrapped, context)
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let mut state = self.lock();
        let key = state.unwrap(wrapped, context)?;
        state.wrap(&key, context)
    }
}
