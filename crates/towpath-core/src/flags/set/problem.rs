//! Why a rule cannot be understood, and where in it.

use std::fmt;

/// Why a flag cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The way to the place from the rule's root, the innermost step first.
    way: Vec<String>,
    /// The segments on the way, the innermost first.
    segments: Vec<String>,
    kind: RuleProblemKind,
}

/// Why a flag cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblemKind {
    /// The rule is neither an object nor `null`.
    #[error("the rule is no object: write `{{\"if\": [condition, variant]}}`")]
    NotARule,
    /// There is no such operator.
    #[error("`{0}` is not an operator")]
    UnknownOperator(String),
    /// There is no such segment.
    #[error("segment `{0}` does not exist: define it under `$evaluators`")]
    NoSegment(String),
    /// A segment is part of itself.
    #[error("segment `{0}` is part of itself")]
    Circle(String),
    /// Rules nest too deeply.
    #[error("the rule is nested too deeply")]
    TooDeep,
    /// A rule has too many parts.
    #[error("the rule is too large, segments counted wherever they are named")]
    TooLarge,
    /// A prerequisite does not exist.
    #[error("it requires flag `{0}`, which does not exist")]
    NoFlag(String),
    /// A prerequisite cannot be met.
    #[error("it requires variant `{variant}` of flag `{flag}`, which has no such variant")]
    NoVariant {
        /// The flag.
        flag: String,
        /// The variant.
        variant: String,
    },
    /// Prerequisites go round in a circle.
    #[error("the flags it requires lead round in a circle")]
    CircleOfFlags,
    /// Prerequisites nest too deeply.
    #[error("the flags it requires make too long a chain")]
    LongChain,
}

impl RuleProblem {
    /// Returns what is wrong.
    pub fn kind(&self) -> &RuleProblemKind {
        &self.kind
    }

    /// Returns where, as a JSON pointer into the flag's `targeting`, or into the last of [`Self::segments`].
    pub fn pointer(&self) -> String {
        let escaped = self.way.iter().rev().map(|step| step.replace('~', "~0").replace('/', "~1"));
        escaped.fold(String::new(), |pointer, step| pointer + "/" + &step)
    }

    /// Returns the segments that the rule names on the way to the place, the outermost first.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().rev().map(String::as_str)
    }

    pub(super) fn of(kind: RuleProblemKind) -> Self {
        Self { way: Vec::new(), segments: Vec::new(), kind }
    }

    pub(super) fn not_a_rule() -> Self {
        Self::of(RuleProblemKind::NotARule)
    }

    pub(super) fn unknown(name: &str) -> Self {
        Self::of(RuleProblemKind::UnknownOperator(name.to_owned()))
    }

    pub(super) fn no_segment(name: &str) -> Self {
        Self::of(RuleProblemKind::NoSegment(name.to_owned()))
    }

    pub(super) fn circle(name: &str) -> Self {
        Self::of(RuleProblemKind::Circle(name.to_owned()))
    }

    pub(super) fn too_deep() -> Self {
        Self::of(RuleProblemKind::TooDeep)
    }

    pub(super) fn too_large() -> Self {
        Self::of(RuleProblemKind::TooLarge)
    }

    /// Adds a step that leads to the place.
    pub(super) fn below(mut self, step: &str) -> Self {
        if self.segments.is_empty() {
            self.way.push(step.to_owned());
        }
        self
    }

    /// Adds a segment that holds the place.
    pub(super) fn within(mut self, segment: &str) -> Self {
        self.segments.push(segment.to_owned());
        self
    }
}

impl std::error::Error for RuleProblem {}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        let pointer = self.pointer();
        if !pointer.is_empty() {
            write!(f, " (at `{pointer}`")?;
            for segment in self.segments.iter().take(1) {
                write!(f, " of segment `{segment}`")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}
