//! What is secret: by its name, by its value.
//!
//! In doubt it is secret: a value that is left out can be written by hand, one that git has seen cannot be taken back.

/// Words of a name that say its value is secret.
const WORDS: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "KEY",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PRIVATE",
    "SALT",
    "AUTH",
    "PIN",
    "OTP",
    "COOKIE",
    "WEBHOOK",
    "DSN",
];

/// How tokens of well-known services begin.
const PREFIXES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "SG.",
    "eyJ",
    "npm_",
    "pypi-",
    "dop_v1_",
    "hvs.",
    "AGE-SECRET-KEY-",
];

/// Says why a variable is secret by its name.
pub(super) fn by_name(name: &str, values: &[&str]) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').filter(|word| !word.is_empty()).collect();
    let says = |word: &str| {
        WORDS.contains(&word) || ["PASSWORD", "SECRET", "TOKEN", "APIKEY"].iter().any(|end| word.ends_with(end))
    };
    // What is meant for everybody says so, mostly because a bundler writes it into pages.
    let public = words.contains(&"PUBLIC")
        || ["NEXT_PUBLIC_", "VITE_", "REACT_APP_"].iter().any(|prefix| upper.starts_with(prefix));
    if public || !words.iter().any(|word| says(word)) {
        return None;
    }
    // `TOKEN_TTL=3600` and `PASSWORD_RESET_URL=https://…` speak of secrets; `DB_PASSWORD=1234` is one.
    let last = words.last().is_some_and(|word| says(word) || *word == "BASE");
    // A value that only refers to others is as secret as they are, which is looked at apart.
    let harmless = !values.is_empty() && values.iter().all(|value| value.contains("${") || is_harmless(value));
    (last || !harmless).then_some("its name says so")
}

fn is_harmless(value: &str) -> bool {
    let number = value.len() <= 9 && value.trim_end_matches(['s', 'm', 'h', 'd']).bytes().all(|b| b.is_ascii_digit());
    let url = crate::config::is_url(value) && by_value(value).is_none();
    value.is_empty() || number || url || matches!(value, "true" | "false")
}

/// Says why a value is secret by what it looks like.
pub(super) fn by_value(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN") && value.contains("KEY") {
        return Some("it is a private key");
    }
    if has_password(value) {
        return Some("it is a URL with a password");
    }
    let word = |word: &str| PREFIXES.iter().any(|prefix| word.len() >= prefix.len() + 12 && word.starts_with(prefix));
    if value.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ';')).any(word) {
        return Some("it looks like a token");
    }
    looks_random(value).then_some("it looks random, as keys do")
}

/// Says whether a text holds `scheme://user:password@host`, or a password among the parameters of a URL.
fn has_password(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("://") {
        let authority = after.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        // A password may hold a `/`, which the authority of a URL may not.
        let loose = after.split(['?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        for part in [authority, loose] {
            if let Some((user, _)) = part.rsplit_once('@')
                && user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("${"))
            {
                return true;
            }
        }
        let lower = after.to_ascii_lowercase();
        let named = ["password=", "passwd=", "pwd=", "secret=", "token=", "api_key=", "apikey=", "sig=", "access_key="];
        if named.iter().any(|name| lower.contains(name)) {
            return true;
        }
        rest = after;
    }
    let lower = text.to_ascii_lowercase();
    lower.contains(';') && ["password=", "pwd=", "accountkey=", "sharedaccesskey="].iter().any(|n| lower.contains(n))
}

/// Says whether a text is one long word of letters and digits mixed, as generators make them.
fn looks_random(text: &str) -> bool {
    let word = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_'));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    // A UUID names a thing; paths and slugs have few digits.
    let uuid = text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4;
    word && !uuid && text.len() >= 24 && digits >= 4 && letters >= 4 && !text.starts_with('/')
}

/// Says whether a text, such as a comment, holds one of these values or something that looks secret.
pub(super) fn in_text<'a>(text: &str, values: impl IntoIterator<Item = &'a String>) -> bool {
    let words = || text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ';' | '(' | ')'));
    values.into_iter().any(|value| is_telling(value) && text.contains(value.as_str()))
        || has_password(text)
        || words().any(|word| by_value(word).is_some())
}

/// Says whether finding a value elsewhere means that the secret is there: `postgres` as a password is in many places.
pub(super) fn is_telling(value: &str) -> bool {
    let mixed = value.bytes().any(|b| !b.is_ascii_lowercase());
    value.len() >= 12 || (value.len() >= 6 && mixed)
}
