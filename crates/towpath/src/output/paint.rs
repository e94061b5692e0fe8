//! Colours and marks of the terminal, or none of them.

use towpath_server::api::types::Tier;

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

macro_rules! colors {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])*
        pub(crate) fn $name(self, text: &str) -> String {
            self.with($code, text)
        })*
    };
}

impl Paint {
    /// Returns paint that is used or not.
    pub(crate) fn new(on: bool) -> Self {
        Self(on)
    }

    /// Says whether it is used.
    pub(crate) fn is_on(self) -> bool {
        self.0
    }

    colors! {
        /// For headings.
        bold = "1";
        /// For what matters less.
        dim = "2";
        /// For what failed.
        red = "31";
        /// For what went well.
        green = "32";
        /// For what waits or warns.
        yellow = "33";
        /// For names of places.
        blue = "34";
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Returns the mark of a tier: a word and a colour, so that production is known without colour too.
    pub(crate) fn tier(self, tier: Tier) -> String {
        match tier {
            Tier::Development => self.with("34", "DEV"),
            Tier::Testing => self.with("36", "TEST"),
            Tier::Staging => self.with("33", "STAGE"),
            Tier::Production => self.with("1;31", "PROD"),
        }
    }
}
