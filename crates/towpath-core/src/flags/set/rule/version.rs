//! `sem_ver`: versions by the precedence of Semantic Versioning 2.0.0, section 11.
//!
//! As flagd reads them: a `v` before them is dropped, missing parts are 0, what is after `+` does not count.

use std::cmp::Ordering;

use super::{Code, Operand, Rule, Scope};
use crate::flags::set::{text::Text, value::Val};

/// A comparison of two versions.
#[derive(Debug)]
pub(in super::super) struct SemVer {
    pub(in super::super) left: Code,
    pub(in super::super) relation: Code,
    pub(in super::super) right: Code,
}

/// A comparison with a version that is written in the rule.
#[derive(Debug)]
pub(in super::super) struct KnownVersion {
    left: Operand,
    relation: Relation,
    /// The version as it is written, and its numbers if that is all there is to it.
    right: Box<str>,
    plain: Option<Plain>,
}

/// Major, minor and patch.
type Plain = [u64; 3];
/// Numbers of versions up to this length fit whatever their digits are.
const SHORT: usize = 18;

/// How two versions may stand to each other.
#[derive(Debug, Clone, Copy)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    SameMajor,
    SameMinor,
}

impl Rule for SemVer {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        self.compare(scope).map_or(Val::Null, Val::Bool)
    }
}

impl SemVer {
    fn compare<'e>(&'e self, scope: &Scope<'e>) -> Option<bool> {
        let Val::Str(relation) = self.relation.value(scope) else { return None };
        let left = Version::parse(text(self.left.value(scope), scope)?)?;
        let right = Version::parse(text(self.right.value(scope), scope)?)?;
        Some(Relation::parse(relation)?.holds(&left, &right))
    }
}

impl KnownVersion {
    /// Returns the rule; `None` if relation or version are none.
    pub(in super::super) fn new(left: Code, relation: &str, right: &str) -> Result<Self, Code> {
        match (Relation::parse(relation), Version::parse(right)) {
            (Some(relation), Some(_)) => {
                Ok(Self { left: left.into(), relation, right: right.into(), plain: plain(right) })
            }
            _ => Err(left),
        }
    }

    fn compare<'e>(&'e self, scope: &Scope<'e>) -> Option<bool> {
        let left = self.left.value(scope);
        if let (Val::Str(left), Some(right)) = (left, &self.plain)
            && let Some(left) = plain(left)
        {
            return Some(self.relation.holds_plainly(&left, right));
        }
        let left = Version::parse(text(left, scope)?)?;
        Some(self.relation.holds(&left, &Version::parse(&self.right)?))
    }
}

impl Rule for KnownVersion {
    fn value<'e>(&'e self, scope: &Scope<'e>) -> Val<'e> {
        self.compare(scope).map_or(Val::Null, Val::Bool)
    }

    fn holds<'e>(&'e self, scope: &Scope<'e>) -> bool {
        self.compare(scope).unwrap_or(false)
    }
}

impl Relation {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "^" => Self::SameMajor,
            "~" => Self::SameMinor,
            _ => return None,
        })
    }

    fn holds_plainly(self, left: &Plain, right: &Plain) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::SameMajor => left.first() == right.first(),
            Self::SameMinor => left.first_chunk::<2>() == right.first_chunk(),
        }
    }

    fn holds(self, left: &Version<'_>, right: &Version<'_>) -> bool {
        match self {
            Self::Equal => left.order(right).is_eq(),
            Self::NotEqual => left.order(right).is_ne(),
            Self::Less => left.order(right).is_lt(),
            Self::LessOrEqual => left.order(right).is_le(),
            Self::Greater => left.order(right).is_gt(),
            Self::GreaterOrEqual => left.order(right).is_ge(),
            Self::SameMajor => left.core(right).next() == Some(Ordering::Equal),
            Self::SameMinor => left.core(right).take(2).all(Ordering::is_eq),
        }
    }
}

/// Returns what may be a version: a text, or a number such as 2 or 1.5.
fn text<'e>(value: Val<'e>, scope: &Scope<'e>) -> Option<&'e str> {
    match value {
        Val::Str(it) => Some(it),
        Val::Num(_) => {
            let mut text = Text::new(scope.machine);
            text.push(value);
            Some(text.finish())
        }
        Val::Null | Val::Bool(_) | Val::List(_) | Val::Map(_) => None,
    }
}

/// A version, its numbers as digits without leading zeros: so none is too large.
#[derive(Debug)]
struct Version<'t> {
    core: [&'t str; 3],
    pre_release: &'t str,
}

/// Reads a version that is numbers only, and short ones; `None` means that it may still be a version.
#[inline]
fn plain(text: &str) -> Option<Plain> {
    if text.len() > SHORT {
        return None;
    }
    let mut all: Plain = [0; 3];
    let mut places = all.iter_mut();
    let mut number = places.next()?;
    let mut begun = false;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            if begun && *number == 0 {
                return None;
            }
            *number = *number * 10 + u64::from(digit);
            begun = true;
        } else if byte == b'.' && begun {
            number = places.next()?;
            begun = false;
        } else {
            return None;
        }
    }
    begun.then_some(all)
}

impl<'t> Version<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let end = text.bytes().position(|it| !it.is_ascii_digit() && it != b'.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at_checked(end)?;
        let mut core = ["0"; 3];
        let mut places = core.iter_mut();
        for part in numbers.split('.') {
            *places.next()? = number(part)?;
        }
        if rest.is_empty() {
            return Some(Self { core, pre_release: "" });
        }
        let (before, build) = rest.split_once('+').map_or((rest, None), |(before, build)| (before, Some(build)));
        let pre_release = before.strip_prefix('-');
        let right = (pre_release.is_some() || before.is_empty())
            && build.is_none_or(|it| it.split('.').all(is_identifier))
            && pre_release.is_none_or(|it| it.split('.').all(|it| is_identifier(it) && !has_leading_zero(it)));
        right.then_some(Self { core, pre_release: pre_release.unwrap_or_default() })
    }

    /// Compares major, minor and patch.
    fn core(&self, other: &Version<'_>) -> impl Iterator<Item = Ordering> {
        self.core.iter().zip(&other.core).map(|(one, other)| by_number(one, other))
    }

    fn order(&self, other: &Version<'_>) -> Ordering {
        let core = self.core(other).find(|order| order.is_ne());
        core.unwrap_or_else(|| match (self.pre_release, other.pre_release) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (one, other) => by_identifiers(one, other),
        })
    }
}

fn number(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    (plain && (text.len() == 1 || !text.starts_with('0'))).then_some(text)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
}

fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|it| it.is_ascii_digit())
}

fn by_number(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

fn by_identifiers(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => match (number(one), number(other)) {
                (Some(one), Some(other)) => by_number(one, other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => one.cmp(other),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
