//! Texts that look like credentials and only stand for them.

/// Words that are in examples, never in credentials; in lower case.
const WORDS: &[&[u8]] = &[
    b"example",
    b"changeme",
    b"change-me",
    b"change_me",
    b"placeholder",
    b"redacted",
    b"dummy",
    b"insert",
    b"replace",
    b"xxxxx",
    b"*****",
    b".....",
    b"00000000",
    b"your-",
    b"your_",
    b"yourapi",
    b"yoursecret",
    b"yourpass",
    b"todo",
    b"sample",
    b"notreal",
    b"not-real",
    b"not_real",
    b"fake",
    b"\xE2\x80\xA2",
];

/// How references to values begin.
const REFERENCES: &[&[u8]] =
    &[b"$", b"%", b"{{", b"<", b"ENC[", b"vault:v", b"sha256:", b"sha512-", b"env:", b"ref+", b"op://"];

/// Says whether a text stands for a credential: an example, a reference, a mask, a ciphertext.
pub(super) fn is_one(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let has = |part: &[u8]| lower.windows(part.len()).any(|window| window == part);
    let inside = [b"${".as_slice(), b"{{", b"$(", b"<%", b"#{", b"%(", b"process.env", b"os.environ", b"secrets."];
    REFERENCES.iter().any(|begin| text.starts_with(begin))
        || WORDS.iter().any(|word| has(word))
        || inside.iter().any(|part| has(part))
}

/// Says whether a text that was found by its name only may be a credential: letters and digits mixed, no identifier, no path,
/// no name of a thing, no row of the keyboard.
pub(super) fn may_be_random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let path = text.starts_with(b"/") || text.starts_with(b"./") || text.windows(3).any(|window| window == b"://");
    // A text that is filled in later: `{token}`.
    let template =
        text.iter().position(|byte| *byte == b'{').is_some_and(|at| text.iter().skip(at).any(|byte| *byte == b'}'));
    digits >= 2 && letters >= 2 && !path && !template && !is_uuid(text) && !is_row(text) && !is_words(text)
}

/// Says whether a password in a URL is one that everybody knows.
pub(super) fn is_usual_password(text: &[u8]) -> bool {
    const USUAL: &[&[u8]] = &[
        b"password",
        b"pass",
        b"passwd",
        b"pwd",
        b"postgres",
        b"mysql",
        b"root",
        b"admin",
        b"user",
        b"secret",
        b"guest",
        b"test",
        b"redis",
        b"mongo",
        b"minio",
        b"p",
        b"pw",
        b"foo",
        b"bar",
        b"hunter2",
        b"token",
        b"username",
    ];
    let lower = text.to_ascii_lowercase();
    text.len() < 3 || USUAL.contains(&lower.as_slice())
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36 && [8, 13, 18, 23].iter().all(|place| text.get(*place) == Some(&b'-'))
}

/// Says whether most of a text counts up or down or repeats: `1234567890abcdef`.
fn is_row(text: &[u8]) -> bool {
    let steps = text.iter().zip(text.iter().skip(1));
    let near = steps.filter(|(one, next)| one.abs_diff(**next) <= 1).count();
    near * 10 >= text.len() * 6
}

/// Says whether a text is words of small letters with few digits between signs: `my-service-v2`, `api.v1.token-name`.
fn is_words(text: &[u8]) -> bool {
    let mut words = text.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')).filter(|word| !word.is_empty());
    let plain = |word: &[u8]| {
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        let letters = word.len() - digits;
        let one_case = word.iter().all(|byte| !byte.is_ascii_uppercase())
            || word.iter().skip(1).all(|byte| !byte.is_ascii_uppercase());
        word.len() <= 12
            && one_case
            && (digits == 0 || letters == 0 || (digits <= 2 && word.last().is_some_and(u8::is_ascii_digit)))
    };
    words.all(plain)
}
