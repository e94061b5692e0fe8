//! What a value looks like: which part of it is the secret, whether it stands for another, how mixed it is.

/// Returns the part of a value that has to be secret.
pub(super) fn secret_part(value: &str) -> &str {
    if let Some(body) = pem_body(value) {
        return body;
    }
    if let Some((_, rest)) = value.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
        {
            return password;
        }
    }
    for scheme in ["Bearer ", "Basic ", "Token ", "bearer ", "basic ", "token "] {
        if let Some(rest) = value.strip_prefix(scheme) {
            return rest.trim_start();
        }
    }
    value
}

fn pem_body(value: &str) -> Option<&str> {
    let start = value.strip_prefix("-----BEGIN ")?;
    let (_, body) = start.split_once("-----")?;
    Some(body.split("-----END").next().unwrap_or_default().trim())
}

/// Values that stand in documentation for everybody to copy.
const PUBLISHED: [&str; 14] = [
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "SomeRandomString",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "00000000-0000-0000-0000-000000000000",
    "123e4567-e89b-12d3-a456-426614174000",
    "550e8400-e29b-41d4-a716-446655440000",
];

/// The payload of the token that jwt.io shows, and so half the tutorials.
const PUBLISHED_PAYLOADS: [&str; 1] = ["eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l"];

pub(super) fn is_published(secret: &str) -> bool {
    let told = |known: &&str| secret.eq_ignore_ascii_case(known);
    PUBLISHED.iter().any(told)
        || secret.contains("EXAMPLEKEY")
        || secret.starts_with("django-insecure-")
        || PUBLISHED_PAYLOADS.iter().any(|payload| secret.contains(payload))
}

/// Whole values, without what is neither letter nor digit and in lower case, that nobody means.
const STANDINS: [&str; 62] = [
    "abc123",
    "admin",
    "apikey",
    "apitoken",
    "asdf",
    "bar",
    "baz",
    "blank",
    "changeit",
    "changeme",
    "changethis",
    "default",
    "demo",
    "dev",
    "devpassword",
    "devsecret",
    "development",
    "dummy",
    "empty",
    "example",
    "fake",
    "fillme",
    "fixme",
    "foo",
    "foobar",
    "guest",
    "hidden",
    "hunter2",
    "invalid",
    "keyboardcat",
    "letmein",
    "local",
    "masked",
    "mock",
    "mykey",
    "mypassword",
    "mysecret",
    "mytoken",
    "na",
    "nil",
    "none",
    "notset",
    "null",
    "pass",
    "passwd",
    "password",
    "placeholder",
    "postgres",
    "redacted",
    "root",
    "sample",
    "secret",
    "secretkey",
    "supersecret",
    "tbd",
    "temp",
    "test",
    "todo",
    "token",
    "topsecret",
    "undefined",
    "value",
];

/// What placeholders begin or end with, written likewise.
const STANDIN_PARTS: [&str; 22] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "replacewith",
    "placeholder",
    "insertyour",
    "enteryour",
    "putyour",
    "addyour",
    "yourapikey",
    "yoursecret",
    "yourpassword",
    "yourtoken",
    "yourkey",
    "youraccess",
    "yourown",
    "notarealkey",
    "notasecret",
    "fillmein",
    "todochange",
    "setme",
];

pub(super) fn is_placeholder(secret: &str, hints: &[&str]) -> bool {
    let framed = |open, close| secret.len() > 2 && secret.starts_with(open) && secret.ends_with(close);
    if framed('<', '>') || framed('[', ']') || framed('%', '%') || secret.starts_with("${") && secret.ends_with('}') {
        return true;
    }
    if secret.starts_with("{{") && secret.ends_with("}}") {
        return true;
    }
    let plain: String = secret.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if plain.is_empty() || all_the_same(&plain) {
        return true;
    }
    let core = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let undone = unleet(&plain);
    let undone = undone.as_str();
    if STANDINS.iter().any(|word| [plain.as_str(), core, undone].contains(word)) {
        return true;
    }
    if plain.len() <= 48 && STANDIN_PARTS.iter().any(|part| plain.starts_with(part) || plain.ends_with(part)) {
        return true;
    }
    let said = |hint: &&str| {
        let hint: String = hint.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        !hint.is_empty() && (hint == plain || format!("your{hint}") == plain || format!("my{hint}") == plain)
    };
    hints.iter().any(said)
}

/// `xxxx`, `0000`, `****`.
fn all_the_same(plain: &str) -> bool {
    let mut characters = plain.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first)
}

fn unleet(plain: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    plain.chars().map(letter).collect()
}

/// A kind of character and how many of it there are.
type Class = (fn(char) -> bool, f64);

/// Returns the binary logarithm of the size of the alphabet that a text looks drawn from.
pub(super) fn bits_per_character(secret: &str) -> f64 {
    let has = |test: fn(char) -> bool| secret.chars().any(test);
    let hexadecimal = secret.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        && !(has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()));
    if hexadecimal && secret.chars().any(char::is_alphabetic) {
        return 4.0;
    }
    let classes: [Class; 5] = [
        (|c| c.is_ascii_digit(), 10.0),
        (|c| c.is_ascii_lowercase(), 26.0),
        (|c| c.is_ascii_uppercase(), 26.0),
        // A generator of symbols uses some twenty; one or two kinds (`-`, `_`, `=`) are of an encoding.
        (|c| c.is_ascii() && !c.is_ascii_alphanumeric(), 2.0),
        (|c| !c.is_ascii(), 100.0),
    ];
    let symbols = distinct(secret.chars().filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric()));
    let size: f64 = classes.iter().filter(|(test, _)| has(*test)).map(|(_, size)| size).sum();
    let size = if symbols > 3 { size + 18.0 } else { size };
    size.max(2.0).log2()
}

/// Returns how mixed a text is: the entropy of its characters taken one by one, in bits for each.
pub(super) fn shannon(secret: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in secret.chars() {
        *counts.entry(c).or_insert(0_usize) += 1;
    }
    let total = super::count(secret.chars().count());
    counts.values().map(|n| super::count(*n) / total).map(|share| -share * share.log2()).sum()
}

/// The most that a text of so few different characters can be worth.
pub(super) fn ceiling(secret: &str) -> f64 {
    let length = super::count(secret.chars().count());
    let kinds = super::count(distinct(secret.chars()));
    // Each kind had to be chosen (at most 7 bits), then each place.
    (length * kinds.log2() + 7.0 * kinds).max(0.0)
}

fn distinct(characters: impl Iterator<Item = char>) -> usize {
    characters.collect::<std::collections::BTreeSet<_>>().len()
}
