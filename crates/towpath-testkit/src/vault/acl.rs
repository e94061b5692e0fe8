//! Policies: which capabilities a path has. Only the parts of Vault's language that this takes are `path "…"` blocks with
//! `capabilities`; `+` stands for one segment, `*` at the end for anything.

use std::collections::BTreeSet;

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Capability {
    Create,
    Read,
    Update,
    Patch,
    Delete,
    List,
    Sudo,
    Deny,
}

impl Capability {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "create" => Self::Create,
            "read" => Self::Read,
            "update" => Self::Update,
            "patch" => Self::Patch,
            "delete" => Self::Delete,
            "list" => Self::List,
            "sudo" => Self::Sudo,
            "deny" => Self::Deny,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Sudo => "sudo",
            Self::Deny => "deny",
        }
    }
}

/// A policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub(super) text: String,
    rules: Vec<(String, BTreeSet<Capability>)>,
}

impl Policy {
    /// What every token may do with itself.
    pub(super) fn default_rules() -> Self {
        let rules = r#"
            path "auth/token/lookup-self" { capabilities = ["read"] }
            path "auth/token/renew-self" { capabilities = ["update"] }
            path "auth/token/revoke-self" { capabilities = ["update"] }
            path "sys/capabilities-self" { capabilities = ["update"] }
        "#;
        Self::parse(rules).unwrap_or_default()
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bare: Vec<&str> =
            text.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before)).collect();
        let mut rest = bare.join("\n");
        let mut rules = Vec::new();
        while let Some(at) = rest.find("path") {
            let after = rest.get(at + 4..).unwrap_or_default();
            let (path, after) = quoted(after).ok_or("a path must be in quotes")?;
            let (block, after) = after.split_once('}').ok_or("a block must end")?;
            let list = block.split_once("capabilities").map(|(_, list)| list).ok_or("capabilities are missing")?;
            let mut capabilities = BTreeSet::new();
            let mut list = list.to_owned();
            while let Some((word, after)) = quoted(&list) {
                capabilities.insert(Capability::parse(&word).ok_or_else(|| format!("invalid capability {word:?}"))?);
                list = after;
            }
            rules.push((path.trim_start_matches('/').to_owned(), capabilities));
            after.clone_into(&mut rest);
        }
        Ok(Self { text: text.to_owned(), rules })
    }
}

fn quoted(text: &str) -> Option<(String, String)> {
    let (_, rest) = text.split_once('"')?;
    let (word, after) = rest.split_once('"')?;
    Some((word.to_owned(), after.to_owned()))
}

/// Says how well a pattern matches: the longer what is said exactly, the better; exact is best.
fn rank(pattern: &str, path: &str) -> Option<(bool, usize)> {
    let (stem, open) = pattern.strip_suffix('*').map_or((pattern, false), |stem| (stem, true));
    let mut rest = path;
    for (index, part) in stem.split('+').enumerate() {
        if index > 0 {
            let end = rest.find('/').unwrap_or(rest.len());
            rest = rest.get(end..)?;
        }
        rest = rest.strip_prefix(part)?;
    }
    (open || rest.is_empty()).then(|| (!open && !pattern.contains('+'), stem.len()))
}

/// Returns what the best matching rule of all policies allows; rules of the same pattern add up.
pub(super) fn capabilities<'a>(policies: impl Iterator<Item = &'a Policy>, path: &str) -> BTreeSet<Capability> {
    let mut best: Option<(bool, usize)> = None;
    let mut found = BTreeSet::new();
    for (pattern, capabilities) in policies.flat_map(|policy| &policy.rules) {
        let Some(rank) = rank(pattern, path) else { continue };
        if best.is_none_or(|best| rank > best) {
            best = Some(rank);
            found.clear();
        }
        if best == Some(rank) {
            found.extend(capabilities);
        }
    }
    if found.contains(&Capability::Deny) { BTreeSet::from([Capability::Deny]) } else { found }
}
