//! The reader of Docker Compose's `env_file` and `.env`: compose-go 2, `dotenv/parser.go` for quotes and escapes,
//! `template/template.go` for `$`.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

/// Reads a file; no variable is known that it could refer to.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(variables);
        }
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let end = rest.find(['=', ':', '\n']).ok_or("a name without a value")?;
        let (name, after) = rest.split_at(end);
        let odd = |c: char| !c.is_alphanumeric() && !"_.-[]".contains(c) && !is_space(c);
        if name.contains(odd) || !after.starts_with(['=', ':']) {
            return Err(format!("unexpected character in variable name `{name}`"));
        }
        let (value, left) = value(after[1..].trim_start_matches(is_space))?;
        variables.insert(name.trim_end().to_owned(), value);
        rest = left;
    }
}

/// `isSpace` of the parser: blanks that do not end the line.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let line = line.split(" #").next().unwrap().trim_end();
        return Ok((substitute(line)?, rest));
    };
    let mut chars = String::new();
    let mut escape = false;
    for (place, c) in text.char_indices().skip(1) {
        if c == quote && !escape {
            let rest = &text[place + 1..];
            let value = if quote == '"' { substitute(&expand_escapes(&chars))? } else { chars };
            return Ok((value, rest));
        }
        if c == '\\' && !escape {
            escape = true;
            continue;
        }
        if escape && c != quote {
            chars.push('\\');
        }
        escape = false;
        chars.push(c);
    }
    Err("unterminated quoted value".to_owned())
}

/// `expandEscapes`.
fn expand_escapes(text: &str) -> String {
    let sequence = Regex::new(r#"\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})"#).unwrap();
    let replaced = sequence.replace_all(text, |found: &Captures<'_>| match &found[0] {
        "\\$" => "$$".to_owned(),
        "\\n" => "\n".to_owned(),
        "\\r" => "\r".to_owned(),
        "\\\\" => "\\".to_owned(),
        other => panic!("`{other}` is never written"),
    });
    replaced.into_owned()
}

/// `Substitute`: `$$` is `$`, anything else after a `$` is a reference, or an error.
fn substitute(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let next = after.chars().next();
        if next == Some('$') {
            out.push('$');
            rest = &after[1..];
        } else if next.is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic()) {
            return Err(format!("a reference in `{text}`"));
        } else {
            out.push('$');
            rest = after;
        }
    }
    Ok(out + rest)
}

#[test]
fn it_reads_as_its_documentation_says() {
    let text = "A=plain # note\nB='it $is \\n \\'raw\\''\nC=\"a\\nb \\$x $$y \\\"z\\\"\"\nD=\n\n# note\nE: 'x'\n";
    let meant = [("A", "plain"), ("B", "it $is \\n 'raw'"), ("C", "a\nb $x $y \"z\""), ("D", ""), ("E", "x")];
    assert_eq!(read(text).unwrap(), meant.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert!(read("A=\"$HOME\"\n").is_err());
}
