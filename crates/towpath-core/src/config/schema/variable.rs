//! The declaration of a variable an application reads.

use serde_json::json;

use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Placed, Read, Reader, section, words},
        schema::rotation::{Day, GenerateFile, RotationFile},
        value::{Data, Value},
        yaml::Scalar,
    },
    units::Millis,
};

/// A declaration: a map, or only the type.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableFile(pub(crate) Declaration);

section! {
    /// What a variable must be.
    #[derive(Default)]
    pub struct Declaration {
        /// The type: string, int, float, bool, url, email, duration, bytes, port, enum or json.
        r#type: VariableType = VariableType::String,
        /// The allowed values of an `enum`.
        values: Vec<Word>,
        /// A regular expression the whole value must match.
        pattern: Option<Placed<String>>,
        /// The smallest value; the shortest length of a string, URL or e-mail address in characters.
        min: Option<Bound>,
        /// The greatest value; the longest length of a string, URL or e-mail address in characters.
        max: Option<Bound>,
        /// Whether every environment must have a value.
        required: bool = false,
        /// The environments that must have a value, by name, alias or tier.
        required_in: Vec<Placed<EnvironmentWord>>,
        /// The environments that must not set it and do not get its default, by name, alias or tier.
        forbidden_in: Vec<Placed<EnvironmentWord>>,
        /// Two or more environments, by name, alias or tier, whose values must differ.
        must_differ_between: Vec<Placed<EnvironmentWord>>,
        /// Whether the value is secret: it is masked everywhere and never written into a release.
        secret: bool = false,
        /// The value where no environment sets one; it must be what the variable is declared to be.
        default: Option<Value>,
        /// A value that shows what is meant; it must be what the variable is declared to be.
        example: Option<Value>,
        /// What it is for.
        doc: Option<String>,
        /// Who answers for it: a person, a team, an address.
        owner: Option<String>,
        /// How old a secret's value may become before it is rotated, such as `90d`.
        rotate_every: Option<Millis>,
        /// The last day a secret's value is good, such as `2027-03-31`: the end of a certificate or a contract.
        expires: Option<Day>,
        /// How long before a secret is due its owner is reminded; 14 days if nothing is said.
        remind: Option<Millis>,
        /// How a new value of a secret is made; without it a person brings one.
        generate: Option<GenerateFile>,
        /// How a secret changes without interruption.
        rotation: Option<RotationFile>,
        /// What to use instead, or `{since, use}`; setting it is then a warning.
        deprecated: Option<Deprecated>,
    }
    check(value, reader; r#type, values) {
        let listed = *r#type == VariableType::Enum;
        if listed && values.is_empty() {
            let message = format!("`{}` is an enum without `values`", reader.path());
            let error = Diagnostic::error("config::missing", value.origin, message);
            reader.push(error.help("list what it may be: `values: [a, b]`"));
        } else if !listed && !values.is_empty() {
            reader.clash(value, &["type", "values"], "`values` needs `type: enum`");
        }
        listed != values.is_empty()
    }
    check(_value, reader; values) {
        distinct(values, reader)
    }
    check(value, reader; secret, generate, rotation) {
        Self::check_rotation(value, reader, *secret, (generate.is_some(), rotation.as_ref()))
    }
    check(_value, reader; must_differ_between) {
        let sound = must_differ_between.len() != 1;
        if let Some(lonely) = must_differ_between.first().filter(|_| !sound) {
            let message = format!("`{}.must_differ_between` needs two environments or more", reader.path());
            let error = Diagnostic::error("config::value", lonely.label, message);
            reader.push(error.help("name another one, or take the key away"));
        }
        sound
    }
}

section! {
    /// Since when a variable is on its way out, and what comes in its place.
    pub struct DeprecatedMap {
        /// Since when: a version or a date.
        since: Option<String>,
        /// The variable or the way to use instead.
        r#use: Option<Placed<String>>,
    }
    choice("since", "use"; least_one) "say `since`, `use` or both, or write a text"
}

/// Why a variable should not be used any more: a text, or a map.
#[derive(Debug, Clone, PartialEq)]
pub enum Deprecated {
    /// In words.
    Text(String),
    /// Since when and what to use.
    Map(DeprecatedMap),
}

/// An allowed value: any scalar, as the text it was written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(pub Placed<String>);

impl Read for Deprecated {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        match &value.data {
            Data::Map(_) => DeprecatedMap::read(value, reader).map(Self::Map),
            Data::Removed | Data::Scalar(_) | Data::List(_) => {
                crate::config::read::text_of(value, reader, "a text or `{since, use}`")
                    .map(|text| Self::Text(text.to_owned()))
            }
        }
    }

    fn shape(book: &mut Book) -> Shape {
        Book::either(&String::shape(book), &DeprecatedMap::shape(book))
    }
}

impl Read for Word {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let scalar = crate::config::read::scalar_of(value, reader, "a text, a number or a truth value")?;
        let value_of = |text: &str| Self(Placed { value: text.to_owned(), label: value.origin });
        // A truth value reads as `true` and `false` however it was written, as values of variables do.
        Some(match scalar.as_bool() {
            Some(truth) => value_of(if truth { "true" } else { "false" }),
            None => value_of(scalar.text()),
        })
    }

    fn shape(_: &mut Book) -> Shape {
        let json = json!({ "type": ["string", "number", "boolean"] });
        Shape { words: "text, number or truth value".to_owned(), json }
    }
}

impl Deprecated {
    /// Returns the reason in words.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Map(DeprecatedMap { since, r#use }) => {
                let since = since.as_ref().map(|since| format!("since {since}"));
                let instead = r#use.as_ref().map(|instead| format!("use `{}`", instead.value));
                since.into_iter().chain(instead).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

/// Checks that no value is listed twice.
fn distinct(values: &[Word], reader: &mut Reader) -> bool {
    let mut seen: Vec<&Word> = Vec::new();
    let mut sound = true;
    for word in values {
        if let Some(first) = seen.iter().find(|seen| seen.0.value == word.0.value) {
            let message = format!("`{}` stands twice among the values of `{}`", word.0.value, reader.path());
            let error = Diagnostic::error("config::value", word.0.label, message).help("take one of them away");
            reader.push(error.related(first.0.label, "first here"));
            sound = false;
        }
        seen.push(word);
    }
    sound
}

words! {
    /// The type of a variable.
    #[derive(Default)]
    pub enum VariableType {
        /// Any text.
        #[default]
        String = "string",
        /// A whole number.
        Int = "int",
        /// A number.
        Float = "float",
        /// `true` or `false`.
        Bool = "bool",
        /// A URL with scheme and host.
        Url = "url",
        /// An e-mail address.
        Email = "email",
        /// A duration such as `30s`.
        Duration = "duration",
        /// A size such as `512Mi`.
        Bytes = "bytes",
        /// A TCP port.
        Port = "port",
        /// One of `values`.
        Enum = "enum",
        /// Any JSON; maps and lists of YAML become JSON.
        Json = "json",
    }
}

impl VariableType {
    /// Returns what a value must be, with article.
    pub(crate) fn article(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "`true` or `false`",
            Self::Url => "a URL such as `https://example.org`",
            Self::Email => "an e-mail address",
            Self::Duration => "a duration such as `30s` or `1h30m`",
            Self::Bytes => "a size such as `512Mi`",
            Self::Port => "a port from 1 to 65535",
            Self::Enum => "one of its values",
            Self::Json => "JSON",
        }
    }
}

/// The name of an environment, or another name of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentWord(String);

impl std::ops::Deref for EnvironmentWord {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Read for EnvironmentWord {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        String::read(value, reader).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        let words = crate::ids::EnvironmentName::shape(book).words;
        let known = &book.names.environment_words;
        let tiers = crate::project::Tier::ALL.map(|tier| tier.as_str().to_owned());
        let all: Vec<String> = if known.is_empty() { Vec::new() } else { known.iter().cloned().chain(tiers).collect() };
        Shape { words, json: Book::one_of(&all, json!({ "type": "string" })) }
    }
}

/// A bound as written, read by the variable's type.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound(pub(crate) Placed<Scalar>);

impl Read for Bound {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let scalar = crate::config::read::scalar_of(value, reader, "a number, a duration or a size")?;
        Some(Self(Placed { value: scalar.clone(), label: value.origin }))
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "number, duration or size".to_owned(), json: json!({ "type": ["string", "number", "boolean"] }) }
    }
}

impl Read for VariableFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(scalar) = &value.data
            && *scalar != Scalar::NULL
        {
            let declaration = Declaration { r#type: VariableType::read(value, reader)?, ..Declaration::default() };
            if declaration.r#type == VariableType::Enum {
                reader.wrong(value, "an enum needs its `values`", "write `{type: enum, values: [a, b]}`");
                return None;
            }
            return Some(Self(declaration));
        }
        Declaration::read(value, reader).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        let alone: Vec<&str> = VariableType::WORDS.iter().filter(|word| **word != "enum").copied().collect();
        book.or_word(&alone, Declaration::shape)
    }
}

/// Says whether the runtime sets this variable for every instance.
pub(crate) fn reserved(name: &str) -> bool {
    static RESERVED: [&str; 2] = ["PORT", "TOWPATH"];
    RESERVED.contains(&name) || name.starts_with("TOWPATH_")
}

/// Says whether a name can be one of an environment variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
