//! Quantities with their unit in the type: durations, sizes, shares, CPU.
//!
//! Each parses from what people write in files (`10m`, `512Mi`, `25%`, `250m`) and prints back
//! the shortest form that parses to the same value.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// A number of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// Thousandths of a CPU core, as Kubernetes counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MilliCpu(pub u32);

/// A whole percentage from 0 to 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

/// Why a quantity could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUnitError {
    /// The text is no duration.
    #[error("`{0}` is not a duration such as `250ms`, `30s`, `10m`, `1h30m` or `2d`")]
    Duration(String),
    /// The text is no size.
    #[error("`{0}` is not a size such as `64Ki`, `512Mi`, `1Gi` or `1500000`")]
    Size(String),
    /// The text is no amount of CPU.
    #[error("`{0}` is not an amount of CPU such as `250m`, `0.5` or `2`")]
    Cpu(String),
    /// The text is no percentage.
    #[error("`{0}` is not a whole percentage from 0 to 100")]
    Percent(String),
}

impl Millis {
    /// Returns the duration of this many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns the same length as the standard library's type.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const FULL: Self = Self(100);

    /// Returns the percentage, or `None` above 100.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 100 { Some(Self(value)) } else { None }
    }

    /// Returns the number, 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns what is missing to 100.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(100 - self.0)
    }

    /// Returns this share of `count`, rounded up, so that a positive share is never nothing.
    pub const fn of_ceil(self, count: u32) -> u32 {
        // Computed apart from the hundreds, so that nothing overflows.
        let (hundreds, rest) = (count / 100, count % 100);
        hundreds * self.0 as u32 + (rest * self.0 as u32).div_ceil(100)
    }
}

impl TryFrom<u8> for Percent {
    type Error = ParseUnitError;
    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::new(value).ok_or_else(|| ParseUnitError::Percent(value.to_string()))
    }
}

impl From<Percent> for u8 {
    fn from(value: Percent) -> Self {
        value.0
    }
}

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Millis {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseUnitError::Duration(text.to_owned());
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, tail) = rest.split_at(digits);
            let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let scale = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
            let amount: u64 = number.parse().map_err(|_| wrong())?;
            total = amount.checked_mul(scale).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, scale) in DURATION_UNITS {
            let amount = rest / scale;
            rest %= scale;
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

const SIZE_UNITS: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1000),
    ("", 1),
];

impl FromStr for Bytes {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseUnitError::Size(text.to_owned());
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let scale = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
        let amount: u64 = number.parse().map_err(|_| wrong())?;
        amount.checked_mul(scale).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, scale) in SIZE_UNITS.iter().take(4) {
            if self.0 >= *scale && self.0.is_multiple_of(*scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl FromStr for MilliCpu {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseUnitError::Cpu(text.to_owned());
        let text = text.trim();
        if let Some(thousandths) = text.strip_suffix('m') {
            return thousandths.parse().map(Self).map_err(|_| wrong());
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let fraction: u32 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
        whole.checked_mul(1000).and_then(|milli| milli.checked_add(fraction)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl FromStr for Percent {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim();
        number
            .strip_suffix('%')
            .unwrap_or(number)
            .parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| ParseUnitError::Percent(text.to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests;
