//! What a YAML scalar is to go-yaml 3, which decides its kind and its spelling.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::sops::{Value, time::Time};

/// The core tags that decide what a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Core {
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
}

impl Core {
    pub(super) fn of_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "str" => Self::Str,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            _ => return None,
        })
    }
}

/// Reads a scalar; `plain` is one without quotes. What is wrong is said in words.
pub(super) fn value(text: &str, plain: bool, tag: Option<Core>) -> Result<Value, &'static str> {
    let text_value = || Value::Text(Zeroizing::new(text.as_bytes().to_vec()));
    match tag {
        None if plain => resolve(text, true),
        None | Some(Core::Str) => Ok(text_value()),
        Some(Core::Binary) => {
            let packed = Zeroizing::new(text.split_whitespace().collect::<String>());
            let bytes =
                STANDARD.decode(packed.as_bytes()).map_err(|_| "this is not base64, as its tag `!!binary` says")?;
            Ok(Value::Text(Zeroizing::new(bytes)))
        }
        Some(tag) => {
            let value = resolve(text, tag == Core::Timestamp)?;
            let fits = match (&value, tag) {
                (Value::Int(number), Core::Float) => {
                    #[expect(clippy::cast_precision_loss, reason = "Go converts so too")]
                    let number = *number as f64;
                    return Ok(Value::Float(number));
                }
                (Value::Bool(_), Core::Bool)
                | (Value::Int(_), Core::Int)
                | (Value::Float(_), Core::Float)
                | (Value::Null, Core::Null)
                | (Value::Time(_), Core::Timestamp) => true,
                _ => false,
            };
            if fits { Ok(value) } else { Err("this is not what its tag says") }
        }
    }
}

/// Says what a text without quotes is.
fn resolve(text: &str, times: bool) -> Result<Value, &'static str> {
    let string = || Ok(Value::Text(Zeroizing::new(text.as_bytes().to_vec())));
    match text {
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        ".nan" | ".NaN" | ".NAN" => return Ok(Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Ok(Value::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Ok(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let finite = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    match text.bytes().next() {
        Some(b'.') => finite(text).map_or_else(string, |number| Ok(Value::Float(number))),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            if let Some(time) = Time::of_yaml(text).filter(|_| times) {
                return Ok(Value::Time(time.as_str().to_owned()));
            }
            let bare = text.replace('_', "");
            match integer(&bare) {
                Integer::Fits(number) => return Ok(Value::Int(number)),
                Integer::Unsigned => return Err("this number is larger than sops can hold; put it in quotes"),
                Integer::No => {}
            }
            if is_float(&bare)
                && let Some(number) = finite(&bare)
            {
                return Ok(Value::Float(number));
            }
            string()
        }
        _ => string(),
    }
}

enum Integer {
    Fits(i64),
    /// Only without a sign: Go has a type for that, sops has not.
    Unsigned,
    No,
}

/// Reads what Go's `strconv.ParseInt(text, 0, 64)` takes.
fn integer(text: &str) -> Integer {
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("-", digits)) => (-1, digits),
        Some(("+", digits)) => (1, digits),
        _ => (1, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..).unwrap_or_default()),
        Some("0b" | "0B") => (2, digits.get(2..).unwrap_or_default()),
        Some("0o" | "0O") => (8, digits.get(2..).unwrap_or_default()),
        Some(two) if two.starts_with('0') => (8, digits.get(1..).unwrap_or_default()),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Integer::No;
    }
    match i128::from_str_radix(digits, radix).map(|number| number * sign) {
        Ok(number) => match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => Integer::Fits(number),
            (Err(_), Ok(_)) if !text.starts_with('+') => Integer::Unsigned,
            _ => Integer::No,
        },
        Err(_) => Integer::No,
    }
}

/// Says whether a text is of the form `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole)
        && digits(part)
        && !(whole.is_empty() && part.is_empty())
        && !(whole.is_empty() && !mantissa.contains('.'))
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Says whether a text without quotes would be read as this text, and as nothing else by readers of older YAML.
pub(super) fn is_plain_text(text: &str) -> bool {
    const OLD: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "=", "<<"];
    let old_bool = OLD.iter().any(|word| text.eq_ignore_ascii_case(word));
    // Numbers to the base of 60, as `1:30`.
    let sixty = text.contains(':') && text.bytes().all(|byte| byte.is_ascii_digit() || b":+-._".contains(&byte));
    !old_bool && !sixty && matches!(resolve(text, true), Ok(Value::Text(_)))
}
