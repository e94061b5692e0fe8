//! Shamir's scheme: a secret in parts, of which some number gives it back and fewer tell nothing.
//!
//! The form is that of sops and Vault (`shamir/shamir.go`): a part is one byte for each byte of the secret, then the byte `x`
//! they stand for; arithmetic is in GF(2⁸) modulo x⁸+x⁴+x³+x+1 (0x11B). Parts carry no proof that they belong together: wrong
//! ones give a wrong secret, which its user notices when it opens nothing.

use zeroize::Zeroizing;

use crate::entropy::{Entropy, NoEntropy};

/// One part of a secret, erased when it is dropped.
pub type Part = Zeroizing<Vec<u8>>;

/// Why a secret cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A threshold that is no threshold.
    #[error("{threshold} of {parts} parts cannot be asked for: it must be at least 2 and at most all of them")]
    Threshold {
        /// How many parts were to be made.
        parts: u8,
        /// How many were to give the secret back.
        threshold: u8,
    },
    /// There is nothing to split.
    #[error("an empty secret cannot be split")]
    Empty,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Why parts give no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// One part alone is none.
    #[error("fewer than two parts give no secret")]
    TooFew,
    /// Parts of several secrets, or damaged ones.
    #[error("the parts are not of one length")]
    Lengths,
    /// The same part twice, or one for x = 0, which would be the secret itself.
    #[error("two of the parts are for the same place, or one is for none")]
    Places,
}

/// Splits a secret into `parts` parts, any `threshold` of which give it back.
pub fn split(secret: &[u8], parts: u8, threshold: u8, entropy: &dyn Entropy) -> Result<Vec<Part>, SplitError> {
    if threshold < 2 || threshold > parts {
        return Err(SplitError::Threshold { parts, threshold });
    }
    if secret.is_empty() {
        return Err(SplitError::Empty);
    }
    // For each byte of the secret a polynomial that has it at 0; the coefficients above are chance.
    let degree = usize::from(threshold) - 1;
    let mut chance = Zeroizing::new(vec![0; secret.len() * degree]);
    entropy.fill(&mut chance)?;
    let part = |x: u8| {
        let mut part = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        for (byte, coefficients) in secret.iter().zip(chance.chunks_exact(degree)) {
            // Horner's rule, the highest coefficient first.
            let above = coefficients.iter().fold(0, |sum, coefficient| times(sum, x) ^ coefficient);
            part.push(times(above, x) ^ byte);
        }
        part.push(x);
        part
    };
    Ok((1..=parts).map(part).collect())
}

/// Gives the secret back. More parts than the threshold are fine; with fewer the result is noise.
pub fn combine<P: AsRef<[u8]>>(parts: &[P]) -> Result<Zeroizing<Vec<u8>>, CombineError> {
    let (Some(first), true) = (parts.first(), parts.len() > 1) else { return Err(CombineError::TooFew) };
    let length = first.as_ref().len();
    let mut points = Vec::with_capacity(parts.len());
    for part in parts {
        match part.as_ref().split_last() {
            Some((x, bytes)) if !bytes.is_empty() && bytes.len() + 1 == length => points.push((*x, bytes)),
            Some(_) | None => return Err(CombineError::Lengths),
        }
    }
    // The places are no secret, so they may be compared as anything else is.
    let taken = |index: usize, x: u8| points.iter().take(index).any(|(other, _)| *other == x);
    if points.iter().enumerate().any(|(index, (x, _))| *x == 0 || taken(index, *x)) {
        return Err(CombineError::Places);
    }
    let mut secret = Zeroizing::new(vec![0; length - 1]);
    for (x, bytes) in &points {
        // Lagrange's basis at 0: the product of other / (x - other); minus is plus here.
        let others = points.iter().map(|(other, _)| *other).filter(|other| other != x);
        let basis = others.fold(1, |basis, other| times(basis, times(other, inverse(x ^ other))));
        for (sum, byte) in secret.iter_mut().zip(*bytes) {
            *sum ^= times(*byte, basis);
        }
    }
    Ok(secret)
}

/// Multiplies in GF(2⁸), in a time that depends on neither factor: no table, no branch.
fn times(a: u8, b: u8) -> u8 {
    let (mut product, mut a) = (0, a);
    for bit in 0..8 {
        product ^= a & 0_u8.wrapping_sub((b >> bit) & 1);
        a = (a << 1) ^ (0x1B & 0_u8.wrapping_sub(a >> 7));
    }
    product
}

/// Returns 1/a as a²⁵⁴, and 0 for 0.
fn inverse(a: u8) -> u8 {
    // 254 = 2 + 4 + … + 128.
    let (mut square, mut power) = (a, 1);
    for _ in 0..7 {
        square = times(square, square);
        power = times(power, square);
    }
    power
}

#[cfg(test)]
mod tests;
