//! The rule as somebody would write it who knows it beforehand: closures over places in a list of texts.

use crate::{COUNTRIES, PLANS, User};

/// Country, plan, version, targeting key.
pub type Slots<'a> = [Option<&'a str>; 4];
type Condition = Box<dyn Fn(&Slots<'_>) -> bool>;
/// From a context to a variant.
pub type Rule = Box<dyn Fn(&Slots<'_>) -> &'static str>;

pub fn slots(users: &[User]) -> Vec<Slots<'_>> {
    let slots = |user: &'_ User| [Some(user.country), Some(user.plan), None, None];
    users
        .iter()
        .map(|user| {
            let [country, plan, ..] = slots(user);
            [country, plan, Some(user.version.as_str()), Some(user.id.as_str())]
        })
        .collect()
}

pub fn rule() -> Rule {
    let all: Vec<Condition> = vec![within(0, &COUNTRIES), within(1, &PLANS), above(2, [2, 4, 1])];
    Box::new(move |slots| if all.iter().all(|condition| condition(slots)) { quarter(slots) } else { "off" })
}

fn within(slot: usize, list: &[&str]) -> Condition {
    let list: Vec<String> = list.iter().map(|it| (*it).to_owned()).collect();
    Box::new(move |slots| slots[slot].is_some_and(|text| list.iter().any(|it| it == text)))
}

fn above(slot: usize, than: [u64; 3]) -> Condition {
    Box::new(move |slots| slots[slot].and_then(version).is_some_and(|version| version > than))
}

fn version(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.split('.').map(str::parse);
    Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
}

/// 25 and 75 of 100, by the third generation.
fn quarter(slots: &Slots<'_>) -> &'static str {
    let Some(key) = slots[3] else { return "off" };
    let mut bytes = [0_u8; 64];
    let mut length = 0;
    let mut push = |more: &[u8]| {
        bytes[length..length + more.len()].copy_from_slice(more);
        length += more.len();
    };
    push(&[0x82, 0x60 | 8]);
    push(b"checkout");
    push(&[0x60 | u8::try_from(key.len()).expect("keys are short here")]);
    push(key.as_bytes());
    if (u64::from(murmur3(&bytes[..length])) * 100) >> 32 < 25 { "on" } else { "off" }
}

fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0_u32, |hash, block| {
        (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let rest = rest.iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
    hash ^= mix(rest) ^ u32::try_from(bytes.len()).expect("keys are short here");
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
