//! Terraform's variable files: HCL strings, and JSON. Every text is quoted so that it is no template, and numbers and
//! truth values are written as such where the variable is declared to be one.

use std::fmt::Write as _;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::{Rendered, Why, escaped, yaml};
use crate::config::schema::variable::VariableType;

/// Names that `variable` blocks cannot have: they mean something in a `module` block.
pub(super) const RESERVED: [&str; 8] =
    ["count", "depends_on", "for_each", "lifecycle", "locals", "providers", "source", "version"];

/// Returns the value as an HCL expression (HCL syntax specification, "Quoted templates").
pub(super) fn hcl(variable: &Rendered) -> Result<String, Why> {
    if let Some(literal) = literal(variable) {
        return Ok(literal.to_owned());
    }
    check_form(&variable.value)?;
    let mut text = escaped(&variable.value, |c, out| {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => return false,
        }
        true
    });
    for (template, text_of_it) in [("${", "$${"), ("%{", "%%{")] {
        if text.contains(template) {
            text = text.replace(template, text_of_it);
        }
    }
    Ok(text)
}

/// Returns the value as JSON. Strings of a variable file are no templates there.
pub(super) fn json(variable: &Rendered) -> Result<String, Why> {
    if let Some(literal) = literal(variable) {
        return Ok(literal.to_owned());
    }
    check_form(&variable.value)?;
    Ok(yaml::quoted(&variable.value))
}

/// Terraform's type system (cty) keeps texts in normal form C: another text would not be the same afterwards.
fn check_form(value: &str) -> Result<(), Why> {
    let normal = match is_nfc_quick(value.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => value.nfc().eq(value.chars()),
    };
    if normal { Ok(()) } else { Err(Why::Form) }
}

/// Returns the value of a declared number or truth value, where it is written as JSON and HCL write it.
fn literal(variable: &Rendered) -> Option<&str> {
    let value = variable.value.as_str();
    let sound = match variable.kind? {
        VariableType::Bool => matches!(value, "true" | "false"),
        VariableType::Int | VariableType::Port => serde_json::from_str::<i64>(value).is_ok(),
        VariableType::Float => serde_json::from_str::<f64>(value).is_ok(),
        VariableType::String
        | VariableType::Url
        | VariableType::Email
        | VariableType::Duration
        | VariableType::Bytes
        | VariableType::Enum
        | VariableType::Json => false,
    };
    (sound && value.trim() == value).then_some(value)
}
