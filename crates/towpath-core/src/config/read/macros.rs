//! Declarations from which both the reader and its description come. What reading means is not decided here.

/// Declares a struct that is read from a map of the same fields, and describes it by their documentation.
///
/// `field: Type` is required unless the type can be absent (`Option`, lists, maps);
/// `field: Type = default` has a default; `field as "key"` has another name in files.
/// `choice("a", "b"; least)` says how many of these keys there may be: `one`, `most_one`, `least_one`.
/// `check(value, reader; a, b) {…}` looks at fields as soon as those it names were read.
macro_rules! section {
    (
        $(#[$($meta:tt)*])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])* $field:ident $(as $key:literal)? : $type:ty $(= $default:expr)? ),* $(,)?
        }
        $(choice($($option:literal),+; $amount:ident) $words:literal $(help $help:ident)?)*
        $(check($value:ident, $reader:ident; $($part:ident),+) $check:block)*
    ) => {
        $(#[$($meta)*])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::value::Value,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let mut fields = $crate::config::read::Fields::new(value, reader)?;
                $( let $field: Option<$type> = fields.field(
                    $crate::config::read::section!(@key $field $($key)?),
                    $crate::config::read::section!(@default $($default)?), reader); )*
                $( fields.choice(
                    $crate::config::read::section!(@choice $amount $($option),+),
                    ($words, $crate::config::read::section!(@default $($help)?)),
                    reader,
                ); )*
                $(
                    if let ($(Some($part),)+) = ($(&$part,)+) {
                        let $value = value;
                        let $reader = &mut *reader;
                        let sound: bool = $check;
                        fields.also(sound);
                    }
                )*
                if !fields.finish(reader) {
                    return None;
                }
                Some(Self { $( $field: $field?, )* })
            }

            fn shape(book: &mut $crate::config::describe::Book) -> $crate::config::describe::Shape {
                let about = $crate::config::describe::doc($crate::config::read::docs!($([$($meta)*])*));
                book.section(stringify!($name), &about, |book| {
                    let keys = vec![$( $crate::config::read::key::<$type>(
                        $crate::config::read::section!(@key $field $($key)?),
                        &[$($doc),*],
                        $crate::config::read::section!(@default $($default)?),
                        book,
                    ) ),*];
                    let choices = vec![$( $crate::config::read::section!(@choice $amount $($option),+) ),*];
                    (keys, choices)
                })
            }
        }
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
    (@key $field:ident) => { $crate::config::read::key_of(stringify!($field)) };
    (@key $field:ident $key:literal) => { $key };
    (@choice one $($option:literal),+) => {
        $crate::config::describe::Choice { keys: &[$($option),+], least: true, most: true }
    };
    (@choice most_one $($option:literal),+) => {
        $crate::config::describe::Choice { keys: &[$($option),+], least: false, most: true }
    };
    (@choice least_one $($option:literal),+) => {
        $crate::config::describe::Choice { keys: &[$($option),+], least: true, most: false }
    };
}

/// Declares a struct like [`section!`], but what could not be read is left out and the rest kept.
macro_rules! parts {
    (
        $(#[$($meta:tt)*])*
        pub(crate) struct $name:ident {
            $( $(#[doc = $doc:literal])* $field:ident : $type:ty $(= $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $( $(#[doc = $doc])* pub(crate) $field: Option<$type>, )*
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::value::Value,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let mut fields = $crate::config::read::Fields::new(value, reader)?;
                $( let $field: Option<$type> = fields.field(
                    stringify!($field), $crate::config::read::section!(@default $($default)?), reader); )*
                fields.finish(reader);
                Some(Self { $( $field, )* })
            }

            fn shape(book: &mut $crate::config::describe::Book) -> $crate::config::describe::Shape {
                let about = $crate::config::describe::doc($crate::config::read::docs!($([$($meta)*])*));
                book.section(stringify!($name), &about, |book| {
                    let keys = vec![$( $crate::config::read::key::<$type>(
                        stringify!($field),
                        &[$($doc),*],
                        $crate::config::read::section!(@default $($default)?),
                        book,
                    ) ),*];
                    (keys, Vec::new())
                })
            }
        }
    };
}

/// Returns the lines of documentation among attributes.
macro_rules! docs {
    (@one doc = $text:literal) => { $text };
    (@one $($other:tt)*) => { "" };
    ($([$($meta:tt)*])*) => { &[$($crate::config::read::docs!(@one $($meta)*)),*] };
}

/// Declares an enum of words.
macro_rules! words {
    (
        $(#[$($meta:tt)*])*
        pub enum $name:ident { $( $(#[$($variant_meta:tt)*])* $variant:ident = $word:literal ),* $(,)? }
    ) => {
        $(#[$($meta)*])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $( $(#[$($variant_meta)*])* $variant, )* }

        impl $name {
            /// Every word.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Returns the word used in files.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::value::Value,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let text = $crate::config::read::word_of(value, Self::WORDS, reader)?;
                match text {
                    $( $word => Some(Self::$variant), )*
                    other => {
                        $crate::config::read::unknown_word(value, other, Self::WORDS, reader);
                        None
                    }
                }
            }

            fn shape(_: &mut $crate::config::describe::Book) -> $crate::config::describe::Shape {
                let docs = [$( $crate::config::describe::doc(
                    $crate::config::read::docs!($([$($variant_meta)*])*)) ),*];
                $crate::config::describe::Book::words(Self::WORDS, &docs)
            }

            fn written(&self) -> Option<serde_json::Value> {
                Some(self.as_str().into())
            }
        }
    };
}

pub(crate) use {docs, parts, section, words};
