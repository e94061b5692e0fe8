//! Whatever is assigned to a telling name and looks random: a guess, so the last resort.

use super::super::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::assigned(
        "generic-password",
        "what looks like a password",
        &["passw", "passphrase", "pwd"],
        r"passw(?:or)?d|passphrase|\bpwd|_pwd",
        r#"[^\s"'`<>\\]{8,128}"#,
    )
    .guess()
    .entropy(3.0),
    Rule::assigned(
        "generic-secret",
        "what looks like a key or token",
        &["secret", "token", "api_key", "apikey", "api-key", "access_key", "accesskey", "private_key", "signing_key", "encryption_key", "auth_key", "credential"],
        r"secret|(?:access|auth|refresh|api|bot|deploy|session)[_-]?token|\btoken|_token|(?:api|access|private|signing|encryption|auth|master)[_-]?key|credentials?",
        r"[A-Za-z0-9+/_.=~-]{16,256}",
    )
    .guess()
    .entropy(3.5),
];
