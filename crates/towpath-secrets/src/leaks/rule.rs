//! One kind of credential: how it is recognised.

use regex::bytes::{Regex, RegexBuilder};

/// The rule of hits that are values of our own.
pub const OWN_VALUE: &str = "own-value";

/// How bad it is when such a credential is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeakSeverity {
    /// It opens little: a key for tests.
    Low,
    /// It may be one: a guess by name and entropy.
    Medium,
    /// It is one.
    High,
    /// It opens much: cloud accounts, payments, private keys.
    Critical,
}

/// How the text around a credential is built.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// The pattern says all.
    Pattern(&'static str),
    /// A value of this pattern after one of these names and a sign of assignment.
    Assigned { names: &'static str, value: &'static str },
}

/// One kind of credential.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// What it finds, in words.
    pub what: &'static str,
    /// How bad it is.
    pub severity: LeakSeverity,
    /// Texts of which one is near every hit, in lower case; without one of them the pattern is not even looked for.
    pub(super) keywords: &'static [&'static str],
    /// The entropy below which a text is none, in bits per byte.
    pub(super) entropy: f64,
    /// Whether it guesses: not in lock files, minified or binary ones, and not without a digit.
    pub(super) guesses: bool,
    /// Whether it may go on over several lines.
    pub(super) lines: bool,
    shape: Shape,
}

impl Rule {
    /// Returns the rule of credentials with a shape of their own. The first group, if there is one, is the credential.
    pub(super) const fn token(
        id: &'static str,
        what: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self {
            id,
            what,
            severity: LeakSeverity::High,
            keywords,
            entropy: 2.5,
            guesses: false,
            lines: false,
            shape: Shape::Pattern(pattern),
        }
    }

    /// Returns the rule of credentials that are recognised by the name they are assigned to. Names and keywords are matched
    /// whatever their case.
    pub(super) const fn assigned(
        id: &'static str,
        what: &'static str,
        keywords: &'static [&'static str],
        names: &'static str,
        value: &'static str,
    ) -> Self {
        Self {
            id,
            what,
            severity: LeakSeverity::High,
            keywords,
            entropy: 3.0,
            guesses: false,
            lines: false,
            shape: Shape::Assigned { names, value },
        }
    }

    pub(super) const fn severity(mut self, severity: LeakSeverity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) const fn critical(self) -> Self {
        self.severity(LeakSeverity::Critical)
    }

    pub(super) const fn entropy(mut self, least: f64) -> Self {
        self.entropy = least;
        self
    }

    pub(super) const fn guess(mut self) -> Self {
        self.guesses = true;
        self.severity(LeakSeverity::Medium)
    }

    pub(super) const fn over_lines(mut self) -> Self {
        self.lines = true;
        self
    }

    /// Says whether the value is known by its name only, so that none of it is a prefix that anybody knows.
    pub(super) const fn is_assigned(&self) -> bool {
        matches!(self.shape, Shape::Assigned { .. })
    }

    /// Compiles the pattern; `None` if it does not compile, which a test rules out.
    pub(super) fn compile(&self) -> Option<Regex> {
        let text = match self.shape {
            Shape::Pattern(pattern) => pattern.to_owned(),
            Shape::Assigned { names, value } => assignment(names, value),
        };
        RegexBuilder::new(&text).unicode(false).build().ok()
    }
}

/// Returns the pattern of a value that is assigned to one of these names: `NAME=value`, `"name": "value"`, `name => 'value'`,
/// `<name>value<`, `name value` after `--`.
fn assignment(names: &str, value: &str) -> String {
    format!(
        r#"(?i:(?:{names}))(?i:[\w.-]{{0,24}})["'`\])]{{0,3}}[ \t]{{0,8}}(?:=|:|=>|:=|>|\?=|,|==|!=)[ \t]{{0,8}}(?:[bfru@]?["'`]{{1,3}})?({value})(?:["'`\s;,<)}}\]&]|\\[nr"']|$)"#
    )
}
