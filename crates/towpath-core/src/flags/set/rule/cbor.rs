//! Values as deterministic CBOR (RFC 8949, section 4.2.1), straight into a hash.
//!
//! As flagd's third generation of `fractional` wants it: whole numbers that fit 64 bits are integers however they were written,
//! others take the shortest float that is exact.

use super::{Machine, murmur::Murmur};
use crate::flags::set::value::{DEEPEST, List, Map, Number, Val};

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;

/// Hashes a value; `None` if it has no such form.
pub(super) fn hash<'e>(value: Val<'e>, machine: &Machine<'e>) -> Option<u32> {
    let mut out = Murmur::default();
    write(value, machine, &mut out, DEEPEST)?;
    Some(out.finish())
}

/// Begins to hash a list of two texts.
pub(super) fn begin_pair(one: &str) -> Murmur {
    let mut out = Murmur::default();
    head(LIST, 2, &mut out);
    text(one, &mut out);
    out
}

/// Hashes a list of two texts that was begun.
#[inline]
pub(super) fn end_pair(mut begun: Murmur, other: &str) -> u32 {
    text(other, &mut begun);
    begun.finish()
}

fn write<'e>(value: Val<'e>, machine: &Machine<'e>, out: &mut Murmur, depth: usize) -> Option<()> {
    match value {
        Val::Null => out.write(&[0xf6]),
        Val::Bool(it) => out.write(&[0xf4 | u8::from(it)]),
        Val::Num(it) => number(it, out),
        Val::Str(it) => {
            machine.spend(it.len() / 8);
            text(it, out);
        }
        Val::List(it) => list(it, machine, out, depth.checked_sub(1)?)?,
        Val::Map(it) => map(it, machine, out, depth.checked_sub(1)?)?,
    }
    Some(())
}

fn list<'e>(items: List<'e>, machine: &Machine<'e>, out: &mut Murmur, depth: usize) -> Option<()> {
    head(LIST, items.len() as u64, out);
    for item in items.iter() {
        machine.spend(1).then_some(())?;
        write(item, machine, out, depth)?;
    }
    Some(())
}

/// The names in order of their encoding, which begins with the length; of those that are there twice the last one.
fn map<'e>(map: Map<'e>, machine: &Machine<'e>, out: &mut Murmur, depth: usize) -> Option<()> {
    // Other objects are views that flagd makes, and change with each evaluation: nobody buckets by them.
    let Map::Kept(tape, at) = map else { return None };
    machine.spend(tape.len(at).saturating_mul(4)).then_some(())?;
    let mut members = bumpalo::collections::Vec::with_capacity_in(tape.len(at), machine.room());
    members.extend(tape.members(at));
    members.sort_unstable_by(|(one, here), (other, there)| (one.len(), one, here).cmp(&(other.len(), other, there)));
    let last = |index: usize| {
        let name = |index: usize| members.get(index).map(|(name, _)| name);
        name(index) != name(index + 1)
    };
    let count = (0..members.len()).filter(|index| last(*index)).count();
    head(MAP, count as u64, out);
    for (_, (name, at)) in members.iter().enumerate().filter(|(index, _)| last(*index)) {
        text(name, out);
        write(tape.value(*at), machine, out, depth)?;
    }
    Some(())
}

#[inline]
fn text(text: &str, out: &mut Murmur) {
    head(TEXT, text.len() as u64, out);
    out.write(text.as_bytes());
}

fn number(number: Number, out: &mut Murmur) {
    match number.whole() {
        Some(it) if it >= 0 => head(UNSIGNED, u64::try_from(it).unwrap_or(u64::MAX), out),
        Some(it) => head(NEGATIVE, u64::try_from(-1 - it).unwrap_or(u64::MAX), out),
        None => float(number.float(), out),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "whether anything is lost is the question")]
fn float(it: f64, out: &mut Murmur) {
    let single = it as f32;
    if it.is_nan() {
        out.write(&[0xf9, 0x7e, 0x00]);
    } else if f64::from(single) != it {
        out.write(&[0xfb]);
        out.write(&it.to_be_bytes());
    } else if let Some(half) = half(single) {
        out.write(&[0xf9]);
        out.write(&half.to_be_bytes());
    } else {
        out.write(&[0xfa]);
        out.write(&single.to_be_bytes());
    }
}

/// Returns the float of 16 bits that is exactly this one (IEEE 754 binary16).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::verbose_bit_mask,
    reason = "the parts are checked to fit, and the mask is written as the format has it"
)]
fn half(it: f32) -> Option<u16> {
    let bits = it.to_bits();
    let (exponent, fraction) = ((bits >> 23 & 0xff) as i32 - 127, bits & 0x007f_ffff);
    let sign = (bits >> 16 & 0x8000) as u16;
    match exponent {
        128 => Some(sign | 0x7c00),
        -14..=15 if fraction & 0x1fff == 0 => Some(sign | ((exponent + 15) as u16) << 10 | (fraction >> 13) as u16),
        // Below the smallest normal number the leading 1 is written out.
        -24..=-15 => {
            let (whole, shift) = (fraction | 0x0080_0000, (-1 - exponent) as u32);
            (whole & ((1 << shift) - 1) == 0).then_some(sign | (whole >> shift) as u16)
        }
        _ if bits << 1 == 0 => Some(sign),
        _ => None,
    }
}

/// Writes the kind of a value and its length or size, as short as it goes.
#[expect(clippy::cast_possible_truncation, reason = "each size is checked to fit")]
fn head(kind: u8, size: u64, out: &mut Murmur) {
    let kind = kind << 5;
    match size {
        0..24 => out.write(&[kind | size as u8]),
        24..0x100 => out.write(&[kind | 0x18, size as u8]),
        0x100..0x1_0000 => {
            out.write(&[kind | 0x19]);
            out.write(&(size as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.write(&[kind | 0x1a]);
            out.write(&(size as u32).to_be_bytes());
        }
        _ => {
            out.write(&[kind | 0x1b]);
            out.write(&size.to_be_bytes());
        }
    }
}
