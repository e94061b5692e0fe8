//! What every key provider must do.

use std::sync::Arc;

use towpath_engine::ports::{DataKeyBytes, KeyContext, KeyError, KeyProvider};
use zeroize::Zeroizing;

/// Makes one test of each case for the key providers that an async function returns.
#[macro_export]
macro_rules! keys_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            keys,
            $fresh,
            what_is_wrapped_unwraps,
            another_context_does_not_unwrap,
            parts_of_a_context_do_not_run_together,
            no_changed_byte_unwraps,
            what_is_cut_or_made_up_is_damaged_and_nothing_worse,
            the_same_key_wraps_to_something_else_each_time,
            what_is_wrapped_does_not_show_the_key,
            rewrapping_keeps_the_key_and_its_context,
            what_is_damaged_is_not_rewrapped,
            many_at_once_do_not_disturb_each_other,
            the_name_stays_the_same_and_shows_nothing,
        );
    };
}

fn key(seed: u8) -> DataKeyBytes {
    Zeroizing::new(std::array::from_fn(|index| seed.wrapping_mul(31).wrapping_add(u8::try_from(index).unwrap_or(0))))
}

fn context(project: &str, environment: &str, version: u32) -> KeyContext {
    KeyContext { project: project.to_owned(), environment: environment.parse().unwrap(), version }
}

#[track_caller]
fn assert_damaged<T>(outcome: Result<T, KeyError>, wanted: &KeyContext) {
    match outcome {
        Err(KeyError::Damaged { environment, version, provider }) => {
            assert_eq!((&environment, version), (&wanted.environment, wanted.version));
            assert!(!provider.is_empty());
        }
        Err(other) => panic!("not `damaged`: {other}"),
        Ok(_) => panic!("it was unwrapped"),
    }
}

/// Wrapping and unwrapping give the key back.
pub async fn what_is_wrapped_unwraps(keys: Arc<dyn KeyProvider>) {
    for (seed, version) in [(1, 1), (2, 2), (3, u32::MAX)] {
        let context = context("shop", "production", version);
        let wrapped = keys.wrap(&key(seed), &context).await.unwrap();
        assert_eq!(keys.unwrap(&wrapped, &context).await.unwrap(), key(seed));
        assert_eq!(keys.unwrap(&wrapped, &context).await.unwrap(), key(seed), "again");
    }
}

/// A key of one environment is none of another.
pub async fn another_context_does_not_unwrap(keys: Arc<dyn KeyProvider>) {
    let right = context("shop", "production", 3);
    let wrapped = keys.wrap(&key(1), &right).await.unwrap();
    for wrong in [context("shop", "development", 3), context("blog", "production", 3), context("shop", "production", 4)]
    {
        assert_damaged(keys.unwrap(&wrapped, &wrong).await, &wrong);
        assert_damaged(keys.rewrap(&wrapped, &wrong).await, &wrong);
    }
    assert_eq!(keys.unwrap(&wrapped, &right).await.unwrap(), key(1));
}

/// Where one part of a context ends and the next begins matters.
pub async fn parts_of_a_context_do_not_run_together(keys: Arc<dyn KeyProvider>) {
    let right = context("shop", "production", 1);
    let wrapped = keys.wrap(&key(1), &right).await.unwrap();
    for wrong in [context("shopp", "roduction", 1), context("sho", "pproduction", 1), context("", "shopproduction", 1)]
    {
        assert_damaged(keys.unwrap(&wrapped, &wrong).await, &wrong);
    }
}

/// Not one bit of what is wrapped can be changed.
pub async fn no_changed_byte_unwraps(keys: Arc<dyn KeyProvider>) {
    let context = context("shop", "production", 1);
    let wrapped = keys.wrap(&key(1), &context).await.unwrap();
    for index in (0..wrapped.len()).step_by(1 + wrapped.len() / 128) {
        let mut changed = wrapped.clone();
        changed[index] ^= 1;
        assert_damaged(keys.unwrap(&changed, &context).await, &context);
    }
}

/// Nor cut off, nor lengthened, nor be something else altogether.
pub async fn what_is_cut_or_made_up_is_damaged_and_nothing_worse(keys: Arc<dyn KeyProvider>) {
    let context = context("shop", "production", 1);
    let wrapped = keys.wrap(&key(1), &context).await.unwrap();
    for length in [0, 1, 15, wrapped.len() / 2, wrapped.len() - 1] {
        assert_damaged(keys.unwrap(&wrapped[..length], &context).await, &context);
    }
    for made_up in
        [&[0; 64][..], &[0xff; 200], b"vault:v1:AAAA", "vault:v1:\u{fffd}".as_bytes(), b"age-encryption.org/v1\n"]
    {
        assert_damaged(keys.unwrap(made_up, &context).await, &context);
    }
    assert_damaged(keys.unwrap(&vec![b'x'; 300_000], &context).await, &context);
    let longer = [wrapped.as_slice(), b"A"].concat();
    assert_damaged(keys.unwrap(&longer, &context).await, &context);
}

/// Nobody can see that two are the same key.
pub async fn the_same_key_wraps_to_something_else_each_time(keys: Arc<dyn KeyProvider>) {
    let context = context("shop", "production", 1);
    let first = keys.wrap(&key(1), &context).await.unwrap();
    assert_ne!(first, keys.wrap(&key(1), &context).await.unwrap());
}

/// What is wrapped holds the key neither as it is nor as base64 or hex.
pub async fn what_is_wrapped_does_not_show_the_key(keys: Arc<dyn KeyProvider>) {
    let key: DataKeyBytes = Zeroizing::new(*b"abcdefghijklmnopqrstuvwxyz012345");
    let wrapped = keys.wrap(&key, &context("shop", "production", 1)).await.unwrap();
    for shown in [&b"abcdefghijkl"[..], b"YWJjZGVmZ2hpamts", b"6162636465666768"] {
        assert!(!wrapped.windows(shown.len()).any(|window| window == shown));
    }
}

/// Rewrapping gives something new that holds the same.
pub async fn rewrapping_keeps_the_key_and_its_context(keys: Arc<dyn KeyProvider>) {
    let right = context("shop", "production", 2);
    let wrapped = keys.wrap(&key(7), &right).await.unwrap();
    let anew = keys.rewrap(&wrapped, &right).await.unwrap();
    assert_ne!(anew, wrapped);
    assert_eq!(keys.unwrap(&anew, &right).await.unwrap(), key(7));
    assert_eq!(keys.unwrap(&wrapped, &right).await.unwrap(), key(7), "the older one is still good");
    let wrong = context("shop", "staging", 2);
    assert_damaged(keys.unwrap(&anew, &wrong).await, &wrong);
}

/// Damage is not handed on as something sound.
pub async fn what_is_damaged_is_not_rewrapped(keys: Arc<dyn KeyProvider>) {
    let context = context("shop", "production", 1);
    let mut wrapped = keys.wrap(&key(1), &context).await.unwrap();
    let last = wrapped.len() - 4;
    wrapped[last] ^= 1;
    assert_damaged(keys.rewrap(&wrapped, &context).await, &context);
}

/// Calls at the same time each get their own.
pub async fn many_at_once_do_not_disturb_each_other(keys: Arc<dyn KeyProvider>) {
    let tasks: Vec<_> = (0..16_u8)
        .map(|seed| {
            let keys = keys.clone();
            tokio::spawn(async move {
                let context = context("shop", "production", u32::from(seed) + 1);
                let wrapped = keys.wrap(&key(seed), &context).await.unwrap();
                assert_eq!(keys.unwrap(&wrapped, &context).await.unwrap(), key(seed));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// The id is for people and for noticing another key.
pub async fn the_name_stays_the_same_and_shows_nothing(keys: Arc<dyn KeyProvider>) {
    let id = keys.id();
    assert!(!id.is_empty() && !id.contains('\n'));
    keys.wrap(&key(1), &context("shop", "production", 1)).await.unwrap();
    assert_eq!(keys.id(), id);
    assert!(!id.to_uppercase().contains("SECRET-KEY"), "{id}");
}
