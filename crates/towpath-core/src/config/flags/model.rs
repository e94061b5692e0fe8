//! What files about flags may say, for reading and for the schema that editors use.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::{exact, operators};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        nearest::suggestion,
        read::{Key, Read, Reader, Step, section, text_of, words},
        value::{Data, Value},
        yaml::{Scalar, ScalarKind, shorten},
    },
    flags::{Bucketing, FlagKey, FlagNotes, FlagState, Prerequisite},
};

section! {
    /// Flags with their segments: a file of flagd (flags.json), in JSON or YAML.
    pub struct FlagsFile {
        /// The flags by their keys.
        flags: BTreeMap<FlagKey, FlagFile>,
        /// Segments by their names: rules that targeting names by `$ref`.
        evaluators as "$evaluators": BTreeMap<String, Targeting>,
        /// What every evaluation carries; that of a flag weighs more.
        metadata: MetadataFile,
        /// Where editors find the schema of this file.
        schema as "$schema": Option<String>,
        /// A comment.
        comment as "$comment": Option<String>,
    }
}

section! {
    /// What an environment changes of flags: each property replaces what the definition says, `null` takes it away.
    pub struct EnvironmentFlags {
        /// The changes by the keys of the flags.
        flags: BTreeMap<FlagKey, FlagFile>,
        /// Segments, each in place of the one of the same name; `null` takes one away.
        evaluators as "$evaluators": BTreeMap<String, Targeting>,
        /// What every evaluation carries, by name.
        metadata: MetadataFile,
        /// Where editors find the schema of this file.
        schema as "$schema": Option<String>,
        /// A comment.
        comment as "$comment": Option<String>,
    }
}

section! {
    /// A feature flag.
    pub struct FlagFile {
        /// Whether it is evaluated; while it is not, callers take the default in their code.
        state: StateWord = StateWord::Enabled,
        /// What it can be, by name: all of them truth values, texts, numbers, or objects.
        variants: VariantsFile,
        /// The variant where no rule says another. Without one the default in the caller's code counts.
        default_variant as "defaultVariant": Option<String>,
        /// The rule that chooses a variant: JsonLogic with flagd's operators.
        targeting: Option<Targeting>,
        /// Texts, numbers and truth values that every evaluation carries.
        metadata: MetadataFile,
        /// What Towpath adds.
        towpath: Option<NotesFile>,
        /// A comment.
        comment as "$comment": Option<String>,
    }
}

section! {
    /// What Towpath adds to a flag of flagd.
    pub struct NotesFile {
        /// What it is for.
        description: Option<String>,
        /// Who answers for it.
        owner: Option<String>,
        /// After this day it should be gone: from then on it is reported as stale.
        expires: Option<Day>,
        /// It is meant to stay, such as an operator's switch: never reported as stale.
        permanent: bool = false,
        /// Words to find it by.
        tags: Vec<String>,
        /// Other flags that must evaluate to a variant for the same context; else this one yields its default variant.
        requires: Vec<RequirementFile>,
        /// How `fractional` puts users into buckets. What is written here never changes by itself, so that nobody is moved.
        bucketing: Option<BucketingWord>,
        /// Whether pages in a browser may evaluate it with a client key.
        client: Option<bool>,
    }
    check(value, reader; permanent, expires) {
        let both = *permanent && expires.is_some();
        if both {
            reader.clash(value, &["permanent", "expires"], "what is permanent has no day on which it should be gone");
        }
        !both
    }
}

section! {
    /// Another flag that must evaluate to a variant.
    pub struct RequirementFile {
        /// The key of the flag.
        flag: FlagKey,
        /// The name of the variant.
        variant: String,
    }
}

words! {
    /// Whether a flag is evaluated.
    pub enum StateWord {
        /// It is.
        Enabled = "ENABLED",
        /// It is not: callers take the default in their code.
        Disabled = "DISABLED",
    }
}

words! {
    /// The generations of flagd's `fractional`.
    pub enum BucketingWord {
        /// flagd until March 2026.
        V1 = "v1",
        /// flagd 0.16.
        V2 = "v2",
        /// flagd-core 2.0.
        V3 = "v3",
    }
}

/// A day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day(pub Date);

/// The variants of a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantsFile(pub serde_json::Map<String, Json>);

/// Scalars by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetadataFile(pub serde_json::Map<String, Json>);

/// A rule; whether it makes sense is looked at when all flags are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Targeting(pub Json);

/// What a variant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Truth,
    Text,
    Number,
    Object,
}

impl From<NotesFile> for FlagNotes {
    fn from(notes: NotesFile) -> Self {
        let requires = notes.requires.into_iter();
        Self {
            description: notes.description,
            owner: notes.owner,
            expires: notes.expires.map(|day| day.0),
            permanent: notes.permanent,
            tags: notes.tags,
            requires: requires.map(|it| Prerequisite { flag: it.flag, variant: it.variant }).collect(),
            bucketing: notes.bucketing.map(|word| match word {
                BucketingWord::V1 => Bucketing::V1,
                BucketingWord::V2 => Bucketing::V2,
                BucketingWord::V3 => Bucketing::V3,
            }),
            client: notes.client,
            ..Self::default()
        }
    }
}

impl From<StateWord> for FlagState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Enabled => Self::Enabled,
            StateWord::Disabled => Self::Disabled,
        }
    }
}

impl Key for FlagKey {
    fn key(text: &str) -> Result<Self, (String, String)> {
        let help = "use 1 to 256 bytes without control characters, such as `new-checkout`";
        Self::new(text).map_err(|error| (error.to_string(), help.to_owned()))
    }

    fn pattern() -> Option<&'static str> {
        Some(r"^[^\u0000-\u001f\u007f-\u009f]{1,256}$")
    }
}

impl Read for FlagKey {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let text = text_of(value, reader, "the key of a flag")?;
        match <Self as Key>::key(text) {
            Ok(key) => Some(key),
            Err((why, help)) => {
                reader.wrong(value, &why, &help);
                None
            }
        }
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "key of a flag".to_owned(), json: json!({ "type": "string", "minLength": 1 }) }
    }
}

impl Read for Day {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let text = text_of(value, reader, "a day such as `2027-03-31`")?;
        let Ok(day) = text.parse() else {
            reader.wrong(value, &format!("`{}` is not a day", shorten(text)), "write it as `2027-03-31`");
            return None;
        };
        // A time of day would be read over: nobody would know in which zone.
        if text.len() != 10 {
            reader.wrong(value, &format!("`{}` is more than a day", shorten(text)), "write it as `2027-03-31`");
            return None;
        }
        Some(Self(day))
    }

    fn shape(_: &mut Book) -> Shape {
        let json = json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });
        Shape { words: "day such as `2027-03-31`".to_owned(), json }
    }
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        match &value.data {
            Data::Map(_) => Some(Self::Object),
            Data::Scalar(scalar) => match scalar.kind {
                ScalarKind::Bool => Some(Self::Truth),
                ScalarKind::Int | ScalarKind::Float => Some(Self::Number),
                ScalarKind::Text | ScalarKind::Replaced => Some(Self::Text),
                ScalarKind::Null => None,
            },
            Data::Removed | Data::List(_) => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Truth => "truth values",
            Self::Text => "texts",
            Self::Number => "numbers",
            Self::Object => "objects",
        }
    }
}

impl Read for VariantsFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Some(map) = value.as_map() else {
            reader.expected(value, "a map");
            return None;
        };
        let there: Vec<_> = map.iter().filter(|(_, member)| !member.value.is_removed()).collect();
        if there.is_empty() {
            reader.wrong(value, "there is no variant", "write one, such as `on: true`");
            return None;
        }
        let mut sound = true;
        let mut kinds: Vec<(Kind, u32)> = Vec::new();
        for (name, member) in &there {
            let key = Step::Key((*name).clone());
            sound &= reader.under(key, |reader| variant(name, &member.value, reader));
            if let Some(kind) = Kind::of(&member.value) {
                kinds.push((kind, member.value.origin.span.start));
            }
        }
        // Of several kinds the rarest is the mistake; of equally many the one that comes later.
        let weight = |kind: Kind| kinds.iter().filter(|(other, _)| *other == kind).count();
        let first = |kind: Kind| kinds.iter().filter(|(other, _)| *other == kind).map(|(_, at)| *at).min();
        let usual =
            kinds.iter().map(|(kind, _)| *kind).max_by_key(|kind| (weight(*kind), std::cmp::Reverse(first(*kind))));
        for (name, member) in &there {
            let (Some(kind), Some(usual)) = (Kind::of(&member.value), usual) else { continue };
            if kind != usual {
                let message = format!(
                    "`{}`: the variant `{name}` is not of the type of the others, which are {}",
                    reader.path(),
                    usual.as_str()
                );
                let help = "give all variants of a flag one type: callers ask for one";
                reader.push(Diagnostic::error("flags::variant", member.value.origin, message).help(help));
                sound = false;
            }
        }
        sound.then(|| Self(there.iter().map(|(name, member)| (name.to_string(), exact::json(&member.value))).collect()))
    }

    fn shape(_: &mut Book) -> Shape {
        let of = |kind: &str| json!({ "type": "object", "additionalProperties": { "type": kind } });
        let json = json!({ "anyOf": [of("boolean"), of("string"), of("number"), of("object")] });
        Shape { words: "map from name to value, all of one type".to_owned(), json }
    }
}

fn variant(name: &str, value: &Value, reader: &mut Reader) -> bool {
    if name.is_empty() {
        reader.wrong(value, "a variant needs a name", "write one, such as `on: true`");
        return false;
    }
    match &value.data {
        Data::Scalar(scalar) if *scalar == Scalar::NULL => {
            reader.wrong(value, "a variant needs a value", "write one, or leave the variant out");
            false
        }
        Data::List(_) => {
            reader.wrong(value, "a list cannot be a variant", "put it into an object: `{items: [...]}`");
            false
        }
        Data::Scalar(_) | Data::Map(_) | Data::Removed => finite(value, reader),
    }
}

/// Complains of numbers that JSON does not have, wherever they are in a value.
fn finite(value: &Value, reader: &mut Reader) -> bool {
    match &value.data {
        Data::Scalar(scalar) if matches!(scalar.kind, ScalarKind::Int | ScalarKind::Float) => {
            let there = exact::number(scalar).is_some();
            if !there {
                let why = format!("`{}` is a number that JSON does not have", shorten(scalar.text()));
                reader.wrong(value, &why, "write a finite number, or a text in quotes");
            }
            there
        }
        Data::Scalar(_) | Data::Removed => true,
        Data::List(items) => items.iter().all(|item| finite(item, reader)),
        Data::Map(map) => map.values().all(|member| finite(&member.value, reader)),
    }
}

impl Read for MetadataFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Some(map) = value.as_map() else {
            reader.expected(value, "a map");
            return None;
        };
        let mut sound = true;
        for (name, member) in map.iter().filter(|(_, member)| !member.value.is_removed()) {
            let scalar = matches!(&member.value.data, Data::Scalar(scalar) if scalar.kind != ScalarKind::Null);
            sound &= reader.under(Step::Key(name.clone()), |reader| {
                if !scalar {
                    reader.expected(&member.value, "a text, a number, `true` or `false`");
                }
                scalar && finite(&member.value, reader)
            });
        }
        let there = map.iter().filter(|(_, member)| !member.value.is_removed());
        sound.then(|| Self(there.map(|(name, member)| (name.to_string(), exact::json(&member.value))).collect()))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn shape(_: &mut Book) -> Shape {
        let json = json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } });
        Shape { words: "map from name to text, number, `true` or `false`".to_owned(), json }
    }
}

impl Read for Targeting {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if value.as_map().is_none() && !value.is_null() {
            let what = "a rule such as `{if: [{==: [{var: country}, de]}, on]}`";
            reader.expected(value, what);
            return None;
        }
        finite(value, reader).then(|| Self(exact::json(value)))
    }

    fn shape(book: &mut Book) -> Shape {
        let scalars = json!({ "type": ["null", "boolean", "number", "string"] });
        book.definitions.entry("Rule".to_owned()).or_insert_with(|| {
            let operators: serde_json::Map<String, Json> =
                operators::every().map(|operator| (operator.name.to_owned(), operator.schema())).collect();
            let operation = json!({
                "type": "object", "maxProperties": 1, "additionalProperties": false, "properties": operators,
            });
            let list = json!({ "type": "array", "items": { "$ref": "#/$defs/Rule" } });
            json!({ "description": "An operation, a list of them, or a value as it is.", "anyOf": [operation, list, scalars] })
        });
        let json = json!({ "allOf": [{ "$ref": "#/$defs/Rule" }, { "type": ["object", "null"] }] });
        Shape { words: "rule in JsonLogic with flagd's operators".to_owned(), json }
    }
}

/// Says which variant was probably meant.
pub(super) fn variant_hint(word: &str, variants: &[&str]) -> String {
    suggestion(word, variants.iter().copied())
}
