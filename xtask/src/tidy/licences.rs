//! The licences of everything that is compiled, and that it comes from the public registry.
//!
//! `cargo deny` checks the same for all platforms; this one needs no further program and takes no time.

use serde_json::Value;

use super::Finding;

#[cfg(test)]
mod tests;

/// Licences that let the product be given away under MIT or Apache-2.0; MPL-2.0 binds changed files only.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Single crates with a further licence, and why that is harmless.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Icons of the rendered guide; no part of the product.
    ("font-awesome-as-a-crate", "CC-BY-4.0 AND MIT"),
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package that takes part in a build here.
pub(super) fn check(metadata: &Value) -> Vec<Finding> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages.into_iter().flatten().flat_map(judge).collect()
}

fn judge(package: &Value) -> Vec<Finding> {
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let name = format!("{} {}", text("name").unwrap_or_default(), text("version").unwrap_or_default());
    let mut findings = Vec::new();
    let mut add = |why: String, fix: &str| {
        findings.push(Finding { file: "Cargo.lock".into(), line: 1, why, fix: fix.into() });
    };
    match text("license") {
        None => add(format!("`{name}` names no licence"), "use another crate"),
        Some(licence) if !allows(licence) && !excepted(text("name"), licence) => add(
            format!("`{name}` is under `{licence}`, which is not in the list of allowed licences"),
            "use another crate, or add the licence here and in `deny.toml` with the reason",
        ),
        Some(_) => {}
    }
    if let Some(source) = text("source").filter(|source| *source != REGISTRY) {
        add(format!("`{name}` comes from `{source}`"), "use a published version: builds must not depend on a branch");
    }
    findings
}

fn excepted(name: Option<&str>, licence: &str) -> bool {
    EXCEPTIONS.iter().any(|(excepted, terms)| name == Some(*excepted) && licence == *terms)
}

/// Says whether an SPDX expression can be met with allowed licences alone; a broken expression cannot.
///
/// Understands `OR`, `AND`, `WITH`, brackets, the old `/` for `OR` and a trailing `+` (SPDX 2.3, annex D).
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

// Each reads one part off the front of `rest`; `None` when the part is broken. Both sides are always read.

fn any_of(rest: &mut &[&str]) -> Option<bool> {
    let mut met = all_of(rest)?;
    while let ["OR", tail @ ..] = rest {
        *rest = tail;
        met |= all_of(rest)?;
    }
    Some(met)
}

fn all_of(rest: &mut &[&str]) -> Option<bool> {
    let mut met = one(rest)?;
    while let ["AND", tail @ ..] = rest {
        *rest = tail;
        met &= one(rest)?;
    }
    Some(met)
}

fn one(rest: &mut &[&str]) -> Option<bool> {
    let (whole, tail) = match rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let met = any_of(rest)?;
            *rest = rest.strip_prefix([")"].as_slice())?;
            return Some(met);
        }
        [name, "WITH", exception, tail @ ..] => (format!("{name} WITH {exception}"), tail),
        [name, tail @ ..] => (name.trim_end_matches('+').to_owned(), tail),
        [] => return None,
    };
    *rest = tail;
    Some(ALLOWED.contains(&whole.as_str()))
}
