//! References in texts of an environment: variables, secrets, other values, what is computed from them.
//!
//! `$$` is a `$`; a `$` before anything else stays. A reference to itself over any number of steps is refused with
//! the way it takes; nothing grows beyond a limit. What an instance learns when it starts is not known here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    diagnostic::Diagnostic,
    nearest::suggestion,
    schema::variable::reserved,
    source::Label,
    value::{Path, Value},
    variables::Declared,
};

mod lookup;
mod parts;

pub(crate) use lookup::Outputs;
use lookup::{Found, Helped};
pub(crate) use parts::closing;
use parts::{Kind, Otherwise, Part, Reference, Target};

/// How deep defaults may nest and references may refer on.
const MAX_DEPTH: usize = 64;
/// The longest value that comes of replacing.
const MAX_LENGTH: usize = 4 << 20;
/// How much all values together may grow to by replacing.
const MAX_TOTAL: usize = 64 << 20;
/// How many wrong references are told; the rest would not be read.
const MAX_MISTAKES: usize = 200;
/// For how many of them the nearest name is looked for, among all there are.
const MAX_HELPED: usize = 20;

/// What is said of a secret in the `env` of a service.
pub(super) const SECRET_IN_ENV: &str =
    "secrets are given to the service under their own names; refer to them in `command` or read them there";
/// What is said of a secret anywhere else.
pub(super) const SECRET_IN_LEAF: &str = "what is written into a release cannot be made of a secret";

/// The keys an environment may have, so that a reference to a missing one is no mistyped one.
pub(super) const SECTIONS: [&str; 25] = [
    "access",
    "alerts",
    "api_url",
    "autoscaling",
    "backups",
    "budget",
    "data",
    "deployment",
    "description",
    "environment",
    "features",
    "flags",
    "gates",
    "infrastructure",
    "namespace",
    "observability",
    "project",
    "resources",
    "secrets",
    "security",
    "services",
    "sla",
    "url",
    "variables",
    "verification",
];

/// A text that may refer to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name<'a> {
    /// A variable.
    Variable(&'a str),
    /// An entry of the `env` of a service.
    Env(&'a str, &'a str),
    /// Any other text.
    Leaf(Path),
}

impl Name<'_> {
    /// Returns the key it has in the environment.
    pub(crate) fn key(&self) -> Path {
        match self {
            Self::Variable(name) => Path::of_keys(["variables", name]),
            Self::Env(service, name) => Path::of_keys(["services", service, "env", name]),
            Self::Leaf(path) => path.clone(),
        }
    }

    /// Returns what people call it.
    fn said(&self) -> String {
        match self {
            Self::Variable(name) => (*name).to_owned(),
            Self::Env(..) | Self::Leaf(_) => self.key().to_string(),
        }
    }
}

/// A value before its references are replaced.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) text: Arc<str>,
    pub(crate) label: Label,
    pub(crate) secret: bool,
    /// What a process set is taken as it is.
    pub(crate) literal: bool,
    /// Whether there may be references in it; found once, for the text may be long and asked for often.
    refers: bool,
}

impl Raw {
    pub(crate) fn new(text: Arc<str>, label: Label, secret: bool, literal: bool) -> Self {
        let refers = !literal && text.contains('$');
        Self { text, label, secret, literal, refers }
    }

    /// Says whether there may be references in it.
    pub(crate) fn refers(&self) -> bool {
        self.refers
    }
}

/// A value after its references were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: Arc<str>,
    /// Whether anything secret went into it.
    pub(crate) secret: bool,
}

/// A value as it came to be, which for most is as it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done<'r> {
    pub(crate) text: &'r str,
    /// Whether anything secret went into it.
    pub(crate) secret: bool,
}

/// What went into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    /// Where it was set, if it has a place.
    pub(crate) place: Option<Label>,
    /// What was put in; `None` for what is secret.
    pub(crate) text: Option<Arc<str>>,
}

/// Everything a reference may mean.
pub(crate) struct Scope<'a> {
    /// The texts that may refer to others.
    pub(crate) raw: &'a BTreeMap<Name<'a>, Raw>,
    pub(crate) declared: &'a Declared,
    pub(crate) tree: &'a Value,
    pub(crate) outputs: Outputs<'a>,
    /// Secrets that must have a value, where every source of secrets was looked at.
    pub(crate) needed: BTreeSet<&'a str>,
}

/// Every text that refers to others with its references replaced, `None` where that failed and was reported, and what
/// went into each by its key in the environment.
#[derive(Debug, Default)]
pub(crate) struct Replaced<'a> {
    pub(crate) texts: BTreeMap<Name<'a>, Option<Text>>,
    pub(crate) used: BTreeMap<Name<'a>, BTreeMap<String, Used>>,
}

impl<'a> Replaced<'a> {
    /// Returns every text before and after, in order.
    // INVARIANT: `interpolate` gives every text of its scope that refers to others an entry, and nothing else one.
    pub(crate) fn beside<'r>(
        &'r self,
        raw: &'r BTreeMap<Name<'a>, Raw>,
    ) -> impl Iterator<Item = (&'r Name<'a>, &'r Raw, Option<Done<'r>>)> {
        debug_assert!(
            raw.iter().filter(|(_, raw)| raw.refers()).map(|(name, _)| name).eq(self.texts.keys()),
            "every text that refers has an entry"
        );
        let mut replaced = self.texts.values();
        raw.iter().map(move |(name, raw)| {
            let done = if raw.refers() {
                let text = replaced.next().and_then(Option::as_ref);
                text.map(|text| Done { text: &text.text, secret: text.secret })
            } else {
                Some(Done { text: &raw.text, secret: raw.secret })
            };
            (name, raw, done)
        })
    }
}

/// Replaces the references of all texts.
pub(crate) fn interpolate<'a>(scope: &Scope<'a>, diagnostics: &mut Vec<Diagnostic>) -> Replaced<'a> {
    let mut work =
        Interpolation { scope, done: Replaced::default(), stack: Vec::new(), total: 0, diagnostics: Vec::new() };
    for (name, _) in scope.raw.iter().filter(|(_, raw)| raw.refers()) {
        work.value(name);
    }
    diagnostics.append(&mut work.diagnostics);
    work.done
}

struct Interpolation<'s, 'a> {
    scope: &'s Scope<'a>,
    done: Replaced<'a>,
    stack: Vec<Name<'a>>,
    total: usize,
    diagnostics: Vec<Diagnostic>,
}

/// The text a reference stands in.
#[derive(Clone, Copy)]
struct From<'s, 'a> {
    name: &'s Name<'a>,
    raw: &'a Raw,
    depth: usize,
}

impl<'a> Interpolation<'_, 'a> {
    fn value(&mut self, name: &Name<'a>) -> Option<Text> {
        if let Some(done) = self.done.texts.get(name) {
            return done.clone();
        }
        let raw = self.scope.raw.get(name)?;
        if !raw.refers() {
            return Some(Text { text: raw.text.clone(), secret: raw.secret });
        }
        if self.stack.contains(name) || self.stack.len() >= MAX_DEPTH {
            self.cycle(name);
            return None;
        }
        self.stack.push(name.clone());
        let text = self.replace(From { name, raw, depth: 0 }, &raw.text);
        let text = text.map(|(text, secret)| Text { text: text.into(), secret: secret || raw.secret });
        self.stack.pop();
        // A member of a cycle was marked as failed when the cycle was found.
        self.done.texts.entry(name.clone()).or_insert(text).clone()
    }

    fn cycle(&mut self, name: &Name<'a>) {
        let label = |name: &Name<'a>| self.scope.raw.get(name).map(|raw| raw.label);
        let hidden = |name: &Name<'a>| self.scope.raw.get(name).is_some_and(|raw| raw.secret);
        let Some(start) = self.stack.iter().position(|other| other == name) else {
            let message = format!("`{}` is reached over more than {MAX_DEPTH} references", name.said());
            let error = Diagnostic::error("config::cycle", label(name), message).hidden(hidden(name));
            self.tell(error);
            self.done.texts.insert(name.clone(), None);
            return;
        };
        let members: Vec<Name<'a>> = self.stack.iter().skip(start).cloned().collect();
        let way: Vec<String> = members.iter().chain(members.first()).map(Name::said).collect();
        let message = format!("`{}` refers to itself: {}", name.said(), way.join(" → "));
        let mut error = Diagnostic::error("config::cycle", label(name), message)
            .help("give one of them a value of its own")
            .hidden(hidden(name));
        for (member, next) in members.iter().zip(way.iter().skip(1)).skip(1) {
            if let Some(label) = label(member) {
                error = error.related(label, format!("`{}` refers to `{next}`", member.said()));
            }
        }
        self.tell(error);
        for member in members {
            self.done.texts.insert(member, None);
        }
    }

    /// Returns the text with its references replaced, and whether anything secret went in.
    fn replace(&mut self, from: From<'_, 'a>, text: &'a str) -> Option<(String, bool)> {
        let parts = match parts::parts(text) {
            Ok(parts) if from.depth < MAX_DEPTH => parts,
            Ok(_) => return self.fail(from.raw, "the defaults nest too deeply".to_owned(), None),
            Err(why) => return self.fail(from.raw, why.to_owned(), Some("write `$$` for a `$`".to_owned())),
        };
        let (mut out, mut secret, mut sound) = (String::new(), false, true);
        for part in parts {
            let piece = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    Some(false)
                }
                Part::Reference(reference) => self.reference(from, reference).map(|piece| {
                    out.push_str(&piece.text);
                    piece.secret
                }),
            };
            match piece {
                Some(tainted) => secret |= tainted,
                None => sound = false,
            }
            if out.len() > MAX_LENGTH {
                let message = format!("the value of `{}` grows beyond {MAX_LENGTH} bytes", from.name.said());
                return self.fail(from.raw, message, None);
            }
        }
        self.total = self.total.saturating_add(out.len());
        if self.total > MAX_TOTAL {
            return self.fail(from.raw, format!("all values together grow beyond {MAX_TOTAL} bytes"), None);
        }
        sound.then_some((out, secret))
    }

    fn reference(&mut self, from: From<'_, 'a>, reference: Reference<'a>) -> Option<Text> {
        let found = match reference.target {
            Target::Name(name) => self.named(from, name),
            Target::Secret(name) => self.secret(from, name),
            Target::Path(path) => {
                let told = self.diagnostics.len() < MAX_MISTAKES;
                let unset = reference.otherwise.is_none_or(|otherwise| otherwise.kind == Kind::Message);
                self.path(from, path, Helped { unset: told && unset, wrong: told })
            }
        };
        let needed = reference.otherwise.is_none_or(|otherwise| otherwise.kind == Kind::Message);
        if let Target::Name(name) | Target::Secret(name) = reference.target
            && needed
            && self.scope.declared.is_secret(name)
            && !matches!(found, Some(Ok(_)))
        {
            return self.elsewhere(from, name);
        }
        let found = found?;
        let Some(otherwise) = reference.otherwise else {
            return match found {
                Ok(text) => Some(text),
                Err((message, help)) => self.fail(from.raw, message, Some(help).filter(|help| !help.is_empty())),
            };
        };
        self.otherwise(from, found, otherwise)
    }

    /// A secret without a value here comes from elsewhere: what is made of it is not known here, and no mistake if it
    /// is secret too.
    fn elsewhere(&mut self, from: From<'_, 'a>, secret: &str) -> Option<Text> {
        let said = from.name.said();
        let needed = matches!(from.name, Name::Variable(name) if self.scope.needed.contains(name));
        if from.raw.secret && needed && !self.scope.raw.contains_key(&Name::Variable(secret)) {
            let message = format!("`{said}` is made of the secret `{secret}`, which has no value here");
            return self.fail(from.raw, message, Some(format!("give `{secret}` a value with towpath secrets")));
        }
        if from.raw.secret {
            return None;
        }
        let (message, help) = match from.name {
            Name::Variable(_) => {
                (format!("`{said}` is made of a secret but not declared `secret: true`"), "declare it `secret: true`")
            }
            Name::Env(..) => (format!("`{said}` is made of a secret"), SECRET_IN_ENV),
            Name::Leaf(_) => (format!("`{said}` is made of a secret"), SECRET_IN_LEAF),
        };
        self.fail(from.raw, message, Some(help.to_owned()))
    }

    /// Decides by an operator.
    fn otherwise(&mut self, from: From<'_, 'a>, found: Sought, otherwise: Otherwise<'a>) -> Option<Text> {
        let there = found.as_ref().is_ok_and(|text| !otherwise.empty_is_none || !text.text.is_empty());
        let deeper = From { depth: from.depth + 1, ..from };
        match (otherwise.kind, found) {
            (Kind::Default | Kind::Message, Ok(text)) if there => Some(text),
            (Kind::Alternative, _) if !there => Some(Text { text: "".into(), secret: false }),
            (Kind::Default | Kind::Alternative, _) => {
                let (text, secret) = self.replace(deeper, otherwise.text)?;
                Some(Text { text: text.into(), secret })
            }
            (Kind::Message, found) => {
                let (text, secret) = self.replace(deeper, otherwise.text)?;
                let (message, help) =
                    found.err().unwrap_or_else(|| ("what is referred to is empty".to_owned(), String::new()));
                let message = if secret || text.is_empty() { message } else { format!("{message}: {text}") };
                self.fail(from.raw, message, Some(help).filter(|help| !help.is_empty()))
            }
        }
    }

    /// A variable, or an entry of the same `env`; `None` if it cannot be meant or failed itself.
    fn named(&mut self, from: From<'_, 'a>, name: &'a str) -> Option<Sought> {
        // An entry that refers to its own name means the variable it overrides.
        let own = match from.name {
            Name::Env(service, entry) if *entry != name => Some(Name::Env(service, name)),
            Name::Env(..) | Name::Variable(_) | Name::Leaf(_) => None,
        };
        let own = own.filter(|own| self.scope.raw.contains_key(own));
        let target = own.unwrap_or(Name::Variable(name));
        if let Some(raw) = self.scope.raw.get(&target) {
            let found = self.value(&target)?;
            self.note(from, target.key().to_string(), Some(raw.label), &found);
            return Some(Ok(found));
        }
        if reserved(name) {
            let help = "use it in `command`, where it is replaced when the instance starts".to_owned();
            return self.fail(from.raw, format!("`{name}` is known only when an instance starts"), Some(help));
        }
        if self.scope.declared.variables.contains_key(name) {
            let help = format!("set `{name}` for this environment or write `${{{name}:-default}}`");
            return Some(Err((format!("`{name}` has no value here"), help)));
        }
        let help = self.known(from, name);
        self.fail(from.raw, format!("there is no variable `{name}`"), Some(help))
    }

    fn secret(&mut self, from: From<'_, 'a>, name: &'a str) -> Option<Sought> {
        if self.scope.declared.variables.contains_key(name) && !self.scope.declared.is_secret(name) {
            let message = format!("`{name}` is not a secret");
            let help = format!("write `${{{name}}}`, or declare it with `secret: true`");
            return self.fail(from.raw, message, Some(help));
        }
        if !self.scope.declared.variables.contains_key(name) {
            let declared = &self.scope.declared;
            let secrets = declared.variables.keys().filter(|name| declared.is_secret(name)).map(String::as_str);
            let help = suggestion(name, secrets.collect::<Vec<_>>());
            return self.fail(from.raw, format!("there is no secret `{name}`"), Some(help));
        }
        self.named(from, name)
    }

    fn path(&mut self, from: From<'_, 'a>, path: &'a str, helped: Helped) -> Option<Sought> {
        let scope = self.scope;
        match scope.outputs.find(scope.tree, path, helped) {
            Found::Text(text, place) => {
                let text = Text { text: text.into(), secret: false };
                self.note(from, path.to_owned(), place, &text);
                Some(Ok(text))
            }
            Found::Name(name) => {
                let place = scope.raw.get(&name)?.label;
                let text = self.value(&name)?;
                self.note(from, name.key().to_string(), Some(place), &text);
                Some(Ok(text))
            }
            Found::Listen(name, part) => {
                let place = scope.raw.get(&name)?.label;
                let listen = self.value(&name)?;
                // What is no address is said where it is set.
                let text = Text { text: part.of(&listen.text)?.into(), secret: listen.secret };
                self.note(from, path.to_owned(), Some(place), &text);
                Some(Ok(text))
            }
            Found::Unset(help) => Some(Err((format!("`{path}` has no value here"), help))),
            Found::Wrong(message, help) => self.fail(from.raw, message, help),
        }
    }

    /// Remembers what went into a value.
    fn note(&mut self, from: From<'_, 'a>, key: String, place: Option<Label>, text: &Text) {
        let used = || Used { place, text: (!text.secret).then(|| text.text.clone()) };
        self.done.used.entry(from.name.clone()).or_default().entry(key).or_insert_with(used);
    }

    fn known(&self, from: From<'_, 'a>, name: &str) -> String {
        if self.diagnostics.len() >= MAX_HELPED {
            return String::new();
        }
        let own = match from.name {
            Name::Env(service, _) => Some(*service),
            Name::Variable(_) | Name::Leaf(_) => None,
        };
        let entries = self.scope.raw.keys().filter_map(|name| match name {
            Name::Env(service, entry) if Some(*service) == own => Some(*entry),
            Name::Variable(_) | Name::Env(..) | Name::Leaf(_) => None,
        });
        let declared = self.scope.declared.variables.keys().map(String::as_str);
        let itself = match from.name {
            Name::Variable(name) | Name::Env(_, name) => Some(*name),
            Name::Leaf(_) => None,
        };
        suggestion(name, entries.chain(declared).filter(|known| Some(*known) != itself).collect::<Vec<_>>())
    }

    fn fail<T>(&mut self, raw: &Raw, message: String, help: Option<String>) -> Option<T> {
        let error = Diagnostic::error("config::reference", raw.label, message);
        self.tell(Diagnostic { help, hidden: raw.secret, ..error });
        None
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_MISTAKES {
            self.diagnostics.push(diagnostic);
        }
    }
}

/// A value, or why there is none and what to do.
type Sought = Result<Text, (String, String)>;

#[cfg(test)]
mod tests;
