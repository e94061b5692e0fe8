//! Generators of new values: passwords, tokens, keys.
//!
//! Every value that a generator can make is as likely as any other; what it is to look like is
//! [`towpath_core::secrets::rotation::Generator`].

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use towpath_core::secrets::{
    SecretText,
    rotation::{Generator, GeneratorError},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::entropy::{Entropy, NoEntropy};

/// Why there is no new value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// It is asked for what cannot be.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// No randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Makes a new value.
pub fn generate(generator: &Generator, entropy: &dyn Entropy) -> Result<SecretText, GenerateError> {
    generator.check()?;
    Ok(match generator {
        Generator::Password { length, classes } => password(*length, classes, entropy)?,
        Generator::Token { bytes } => SecretText::new(URL_SAFE_NO_PAD.encode(&*random(*bytes, entropy)?)),
        Generator::Hex { bytes } => SecretText::new(hex::encode(&*random(*bytes, entropy)?)),
        Generator::Base64 { bytes } => SecretText::new(STANDARD.encode(&*random(*bytes, entropy)?)),
        Generator::Uuid => uuid(entropy)?,
    })
}

fn random(bytes: u32, entropy: &dyn Entropy) -> Result<Zeroizing<Vec<u8>>, NoEntropy> {
    let mut filled = Zeroizing::new(vec![0; bytes as usize]);
    entropy.fill(&mut filled)?;
    Ok(filled)
}

/// Draws whole passwords until one has a character of each class: so all that have are equally likely, which placing one of
/// each class by force would not give.
fn password(length: u32, classes: &[String], entropy: &dyn Entropy) -> Result<SecretText, NoEntropy> {
    let alphabet: Vec<char> = classes.iter().flat_map(|class| class.chars()).collect();
    loop {
        let mut drawn = Zeroizing::new(String::with_capacity(length as usize * 4));
        for _ in 0..length {
            drawn.extend(alphabet.get(below(alphabet.len(), entropy)?));
        }
        if classes.iter().all(|class| drawn.contains(|c| class.contains(c))) {
            return Ok(SecretText::new(std::mem::take(&mut *drawn)));
        }
    }
}

/// Draws a number below `bound`, each as likely: numbers past the last whole multiple of `bound` are drawn again.
fn below(bound: usize, entropy: &dyn Entropy) -> Result<usize, NoEntropy> {
    let bound = u64::try_from(bound).unwrap_or(1).max(1);
    let fair = (1_u64 << 32) / bound * bound;
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes)?;
        let number = u64::from(u32::from_le_bytes(bytes));
        bytes.zeroize();
        if number < fair {
            return Ok(usize::try_from(number % bound).unwrap_or_default());
        }
    }
}

fn uuid(entropy: &dyn Entropy) -> Result<SecretText, NoEntropy> {
    let mut bytes = Zeroizing::new([0_u8; 16]);
    entropy.fill(&mut *bytes)?;
    let number = u128::from_be_bytes(*bytes);
    // RFC 9562, 5.4: version 4 in bits 48 to 51, variant 0b10 in bits 64 and 65.
    let number = number & !(0xf << 76) | 0x4 << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    let digits = Zeroizing::new(format!("{number:032x}"));
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(SecretText::new(text))
}

#[cfg(test)]
mod tests;
