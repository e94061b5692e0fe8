//! The declaration of a variable an application reads.

use crate::config::{
    read::{Placed, Read, Reader, section, words},
    value::{Data, Value},
    yaml::Scalar,
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
        values: Vec<String>,
        /// A regular expression the whole value must match.
        pattern: Option<Placed<String>>,
        /// The smallest value; the shortest length of a string.
        min: Option<Bound>,
        /// The greatest value; the longest length of a string.
        max: Option<Bound>,
        /// Whether every environment must have a value.
        required: bool = false,
        /// The environments that must have a value.
        required_in: Vec<Placed<String>>,
        /// Whether the value is secret: it is masked everywhere and never written into a release.
        secret: bool = false,
        /// The value where no environment sets one.
        default: Option<Value>,
        /// A value that shows what is meant.
        example: Option<Value>,
        /// What it is for.
        doc: Option<String>,
        /// What to use instead; setting it is then a warning.
        deprecated: Option<String>,
    }
    check(this, value, reader) {
        let listed = this.r#type == VariableType::Enum;
        if listed && this.values.is_empty() {
            reader.error("config::missing", value.origin, format!("`{}` is an enum without `values`", reader.path()));
        } else if !listed && !this.values.is_empty() {
            reader.wrong(value, "`values` needs `type: enum`");
        }
        listed != this.values.is_empty()
    }
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

/// A bound as written, read by the variable's type.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound(pub(crate) Placed<Scalar>);

impl Read for Bound {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let scalar = crate::config::read::scalar_of(value, reader, "a number, a duration or a size")?;
        Some(Self(Placed { value: scalar.clone(), label: value.origin }))
    }
}

impl Read for VariableFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(scalar) = &value.data
            && *scalar != Scalar::NULL
        {
            let declaration = Declaration { r#type: VariableType::read(value, reader)?, ..Declaration::default() };
            if declaration.r#type == VariableType::Enum {
                reader.wrong(value, "an enum needs its `values`: write `{type: enum, values: [a, b]}`");
                return None;
            }
            return Some(Self(declaration));
        }
        Declaration::read(value, reader).map(Self)
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
