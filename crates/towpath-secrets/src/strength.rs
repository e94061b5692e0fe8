//! How hard a value is to guess.
//!
//! An estimate, never a proof: of a value that looks random nobody can say where it was taken from. Nothing of the value is
//! in the answer, so that it can be shown.

use std::fmt;

use zxcvbn::matching::patterns::MatchPattern;

mod shape;

/// Below this many bits a value is weak: whoever gets hold of a hash of it finds it in days.
pub const FAIR_BITS: f64 = 50.0;
/// From this many bits on a value is strong.
pub const STRONG_BITS: f64 = 80.0;

/// How strong a value is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It stands for a value that was never filled in, or is published somewhere.
    Placeholder,
    /// It can be guessed.
    Weak,
    /// It holds against who asks a server, not for ever against who has a hash.
    Fair,
    /// Nobody guesses it.
    Strong,
}

/// What makes a value easier to guess than its length suggests. Never shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// There is nothing.
    Empty,
    /// It is a placeholder such as `changeme` or `<your key>`.
    Placeholder,
    /// It is an example from public documentation.
    PublishedExample,
    /// It has a word from lists of common passwords, words or names.
    CommonWord,
    /// It has the name of the variable, the project, the user or something else that is known of it.
    NamesItself,
    /// It has neighbouring keys of a keyboard.
    Keyboard,
    /// It repeats itself.
    Repetition,
    /// It has a sequence such as `abc` or `6543`.
    Sequence,
    /// It has a date or a year.
    Date,
    /// It is short.
    Short,
}

/// How hard a value is to guess.
#[derive(Debug, Clone, PartialEq)]
pub struct Strength {
    /// The binary logarithm of the guesses somebody who knows how people choose needs.
    pub bits: f64,
    /// The same in one word.
    pub grade: Grade,
    /// Why it is not more, sorted; empty for what looks random and is long enough.
    pub weaknesses: Vec<Weakness>,
}

impl Strength {
    /// Says whether it should be replaced.
    pub fn is_weak(&self) -> bool {
        self.grade <= Grade::Weak
    }

    fn known(weakness: Weakness) -> Self {
        Self { bits: 0.0, grade: Grade::Placeholder, weaknesses: vec![weakness] }
    }
}

/// Estimates how hard a value is to guess for somebody who knows `hints`: the names of variable, project and environment, a
/// user's name.
///
/// Of a URL with a password in it the password is judged, of a private key in PEM its body, of `Bearer …` what follows.
pub fn assess(value: &str, hints: &[&str]) -> Strength {
    let secret = shape::secret_part(value.trim());
    if secret.is_empty() {
        return Strength::known(Weakness::Empty);
    }
    if shape::is_published(secret) {
        return Strength::known(Weakness::PublishedExample);
    }
    if shape::is_placeholder(secret, hints) {
        return Strength::known(Weakness::Placeholder);
    }
    let (bits, mut weaknesses) = estimate(secret, hints);
    let grade = match bits {
        bits if bits < FAIR_BITS => Grade::Weak,
        bits if bits < STRONG_BITS => Grade::Fair,
        _ => Grade::Strong,
    };
    if grade == Grade::Strong {
        // A long random text has a word or a sequence in it by chance.
        weaknesses.clear();
    } else if weaknesses.is_empty() {
        weaknesses.push(Weakness::Short);
    }
    weaknesses.sort_unstable();
    weaknesses.dedup();
    Strength { bits, grade, weaknesses }
}

/// Guesses piece by piece: words, keys, dates as `zxcvbn` counts them, the rest by the alphabet it is drawn from, which
/// `zxcvbn` takes for ten digits whatever it is.
fn estimate(secret: &str, hints: &[&str]) -> (f64, Vec<Weakness>) {
    let words: Vec<&str> =
        hints.iter().flat_map(|hint| hint.split(|c: char| !c.is_alphanumeric())).chain(hints.iter().copied()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| word.chars().count() > 2).collect();
    let per_character = shape::bits_per_character(secret);
    let found = zxcvbn::zxcvbn(secret, &words);
    let mut bits = 0.0;
    let mut weaknesses = Vec::new();
    for part in found.sequence() {
        let free = count(part.token.chars().count()) * per_character;
        // A short word in a random text is there by chance and no help to anybody.
        let guessed = part.guesses.map_or(free, |guesses| count_wide(guesses).max(1.0).log2());
        bits += if matches!(part.pattern, MatchPattern::BruteForce) { free } else { guessed.min(free) };
        weaknesses.extend(weakness_of(&part.pattern));
    }
    // zxcvbn looks at 100 characters; what comes after them counts by how it is mixed, which is little where it repeats.
    let rest = secret.chars().count().saturating_sub(100);
    bits += count(rest) * per_character.min(shape::shannon(secret)) * 0.5;
    // Below a dozen characters people choose and hardly any machine does; a word with two letters changed passes for random.
    let length = secret.chars().count();
    let most = if length < 12 { 4.0 * count(length) } else { shape::ceiling(secret) };
    (bits.min(most), weaknesses)
}

fn weakness_of(pattern: &MatchPattern) -> Option<Weakness> {
    match pattern {
        MatchPattern::Dictionary(it) if is_user_input(it) => Some(Weakness::NamesItself),
        MatchPattern::Dictionary(_) => Some(Weakness::CommonWord),
        MatchPattern::Spatial(_) => Some(Weakness::Keyboard),
        MatchPattern::Repeat(_) => Some(Weakness::Repetition),
        MatchPattern::Sequence(_) => Some(Weakness::Sequence),
        MatchPattern::Regex(_) | MatchPattern::Date(_) => Some(Weakness::Date),
        MatchPattern::BruteForce => None,
    }
}

fn is_user_input(found: &zxcvbn::matching::patterns::DictionaryPattern) -> bool {
    // The type of `dictionary_name` is not public; its name is.
    format!("{:?}", found.dictionary_name) == "UserInputs"
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn count(length: usize) -> f64 {
    length as f64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn count_wide(guesses: u64) -> f64 {
    guesses as f64
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Placeholder => "placeholder",
            Self::Weak => "weak",
            Self::Fair => "fair",
            Self::Strong => "strong",
        })
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "it is empty",
            Self::Placeholder => "it is a placeholder",
            Self::PublishedExample => "it is an example from public documentation",
            Self::CommonWord => "it has common words or passwords in it",
            Self::NamesItself => "it has a name in it that belongs to what it protects",
            Self::Keyboard => "it has neighbouring keys of a keyboard in it",
            Self::Repetition => "it repeats itself",
            Self::Sequence => "it has a sequence such as `abc` in it",
            Self::Date => "it has a date or a year in it",
            Self::Short => "it is short",
        })
    }
}

#[cfg(test)]
mod tests;
