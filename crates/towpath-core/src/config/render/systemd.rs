//! systemd's `EnvironmentFile=` (systemd.exec(5)).

use super::{Why, escaped, is_bare};

/// Quotes a value: in double quotes only `"`, `\`, `` ` `` and `$` are escaped, and lines may follow each other.
pub(super) fn quoted(value: &str) -> Result<String, Why> {
    // `utf8_is_valid` of systemd is stricter than UTF-8: it refuses the whole file for one of these.
    if value.chars().any(is_noncharacter) {
        return Err(Why::Noncharacter);
    }
    if is_bare(value) {
        return Ok(value.to_owned());
    }
    Ok(escaped(value, |c, out| {
        if matches!(c, '"' | '\\' | '`' | '$') {
            out.push('\\');
        }
        false
    }))
}

/// Says whether Unicode will never assign the character (section 23.7 of the standard).
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}
