//! Numbers as JSON writes them and as JavaScript reads and writes them.

use std::fmt::{self, Write};

/// A number: whole ones are kept exactly.
#[derive(Debug, Clone, Copy)]
pub(in crate::flags) enum Number {
    Int(i64),
    /// More than fits an `i64`.
    Big(u64),
    Float(f64),
}

impl Number {
    /// Returns the number that was read.
    pub(super) fn of(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(it), _) => Self::Int(it),
            (None, Some(it)) => Self::Big(it),
            (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// Returns a number without a sign.
    pub(super) fn of_u64(it: u64) -> Self {
        i64::try_from(it).map_or(Self::Big(it), Self::Int)
    }

    /// Returns how many there are.
    pub(super) fn of_len(len: usize) -> Self {
        Self::Int(i64::try_from(len).unwrap_or(i64::MAX))
    }

    /// Returns it as JavaScript holds all numbers.
    #[expect(clippy::cast_precision_loss, reason = "so it is in JavaScript")]
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(it) => it as f64,
            Self::Big(it) => it as f64,
            Self::Float(it) => it,
        }
    }

    /// Says whether a condition takes it for true.
    pub(super) fn truthy(self) -> bool {
        match self {
            Self::Int(it) => it != 0,
            Self::Big(_) => true,
            Self::Float(it) => !it.is_nan() && it.abs() > 0.0,
        }
    }

    /// Says whether two are the same number.
    #[expect(clippy::float_cmp, reason = "so JavaScript compares them")]
    pub(super) fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Big(a), Self::Big(b)) => a == b,
            (Self::Int(_), Self::Big(_)) | (Self::Big(_), Self::Int(_)) => false,
            (a, b) => a.float() == b.float(),
        }
    }

    /// Returns the whole number it is, if it is one of [−2⁶³, 2⁶⁴−1].
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Self::Int(it) => Some(i128::from(it)),
            Self::Big(it) => Some(i128::from(it)),
            Self::Float(it) => {
                let fits =
                    it.fract() == 0.0 && (-9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0).contains(&it);
                fits.then_some(it as i128)
            }
        }
    }

    /// Writes it as JavaScript does: without a fraction where there is none, with an exponent from 10²¹ and below 10⁻⁶.
    pub(super) fn write(self, out: &mut impl Write) -> fmt::Result {
        let float = match self {
            Self::Int(it) => return write!(out, "{it}"),
            Self::Big(it) => return write!(out, "{it}"),
            Self::Float(it) => it,
        };
        let size = float.abs();
        if float.is_nan() {
            out.write_str("NaN")
        } else if float.is_infinite() {
            out.write_str(if float > 0.0 { "Infinity" } else { "-Infinity" })
        } else if size == 0.0 {
            out.write_str("0")
        } else if (1e-6..1e21).contains(&size) {
            write!(out, "{float}")
        } else {
            write!(Signed(out), "{float:e}")
        }
    }
}

/// Puts the `+` before an exponent that Rust leaves out.
struct Signed<'o, W>(&'o mut W);

impl<W: Write> Write for Signed<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.split_once('e') {
            Some((digits, exponent)) if exponent.starts_with('-') => write!(self.0, "{digits}e{exponent}"),
            Some((digits, exponent)) => write!(self.0, "{digits}e+{exponent}"),
            None => self.0.write_str(text),
        }
    }
}

/// Returns the number that JavaScript reads in a text.
pub(super) fn parse(text: &str) -> f64 {
    let text = text.trim_matches(|it: char| it.is_whitespace() || it == '\u{feff}');
    let radix = |prefix: [&str; 2], radix| prefix.iter().find_map(|it| text.strip_prefix(it)).map(|it| (it, radix));
    match text {
        "" => return 0.0,
        "Infinity" | "+Infinity" => return f64::INFINITY,
        "-Infinity" => return f64::NEG_INFINITY,
        _ => {}
    }
    let other = radix(["0x", "0X"], 16).or_else(|| radix(["0o", "0O"], 8)).or_else(|| radix(["0b", "0B"], 2));
    if let Some((digits, radix)) = other {
        return whole(digits, radix).unwrap_or(f64::NAN);
    }
    let plain = text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

fn whole(digits: &str, radix: u32) -> Option<f64> {
    let first = digits.chars().next().map(|_| 0.0);
    digits.chars().try_fold(first?, |sum, it| Some(sum * f64::from(radix) + f64::from(it.to_digit(radix)?)))
}
