//! Private keys, tokens of open formats, addresses with passwords.

use super::super::rule::{LeakSeverity, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule::token("private-key", "a private key", &["private key"], r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s|[A-Za-z0-9+/=:,.@_-]|Proc-Type: |DEK-Info: ){64,}")
        .critical()
        .over_lines()
        .entropy(3.0),
    Rule::token("putty-private-key", "a private key of PuTTY", &["putty-user-key-file"], r"PuTTY-User-Key-File-\d: [a-z0-9-]{5,40}\r?\n(?:[^\n]{0,200}\n){1,60}?Private-Lines: \d{1,3}\r?\n([A-Za-z0-9+/=]{20,64})").critical().over_lines(),
    Rule::token("age-secret-key", "an identity of age", &["age-secret-key-"], r"(?i)\b(AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,120})\b").critical(),
    Rule::token("kubeconfig-key", "the private key of a Kubernetes client", &["client-key-data"], r"client-key-data\s*:\s*(LS0tLS1CRUdJTi[A-Za-z0-9+/]{200,8000}={0,2})").critical(),
    Rule::token("wireguard-key", "a private key of WireGuard", &["privatekey", "presharedkey"], r"(?i)\b(?:PrivateKey|PresharedKey)\s*=\s*([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)").critical().entropy(3.5),
    Rule::token("jwt", "a JSON Web Token", &["eyj"], r"\b(eyJ[A-Za-z0-9_-]{12,600}\.eyJ[A-Za-z0-9_-]{12,2000}\.[A-Za-z0-9_-]{20,700})").severity(LeakSeverity::Medium).entropy(3.5),
    Rule::token("url-password", "an address with a password", &["://"], r#"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@"'<>\\]{0,64}:([^\s/@"'<>\\${}]{3,128})@[A-Za-z0-9\[][^\s"'<>]{1,}"#).entropy(1.5),
    Rule::token("connection-string-password", "a connection string with a password", &["password=", "pwd="], r#"(?i)(?:server|data source|host|addr|endpoint)=[^\s;"']{1,120};(?:[^\n"']{0,200};)?\s?(?:password|pwd)=([^\s;"'${}<]{4,128})"#).entropy(2.0),
    Rule::token("basic-authorization", "an Authorization header with a password", &["basic "], r"(?i)authorization['\x22]?\s{0,4}[:=,]\s{0,4}['\x22]?basic ([A-Za-z0-9+/]{12,400}={0,2})").entropy(3.0),
    Rule::token("bearer-authorization", "an Authorization header with a token", &["bearer "], r"(?i)authorization['\x22]?\s{0,4}[:=,]\s{0,4}['\x22]?bearer ([A-Za-z0-9._~+/-]{20,1000}=*)").entropy(3.5),
    Rule::token("curl-password", "a password on the command line of curl", &["curl"], r#"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?["']?[\w.@-]{1,64}:([^\s"'$<{]{6,128})"#).entropy(2.5),
    Rule::token("netrc-password", "a password in .netrc", &["machine"], r"\bmachine\s+[\w.-]{3,100}\s+login\s+\S{1,64}\s+password\s+([^\s${<]{4,128})").over_lines().entropy(2.0),
    Rule::token("one-password-key", "a secret key of 1Password", &["a3-", "ops_eyj"], r"\b(A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}|ops_eyJ[A-Za-z0-9+/]{250,})").critical().entropy(3.0),
    Rule::assigned("okta-token", "an API token of Okta", &["okta"], r"okta[\w.-]{0,12}(?:token|key)", r"00[\w=-]{40}").entropy(3.5),
    Rule::assigned("auth0-secret", "a client secret of Auth0", &["auth0"], r"auth0[\w.-]{0,12}secret", r"[\w-]{64}").entropy(3.5),
    Rule::assigned("rails-master-key", "the master key of a Rails application", &["rails_master_key"], r"rails_master_key", r"[0-9a-f]{32}").critical(),
    Rule::assigned("django-secret-key", "the secret key of a Django application", &["secret_key", "django"], r"(?:django_)?secret_key", r#"[^\s"'\\]{50}"#).entropy(4.0),
    Rule::assigned("symfony-secret", "the secret of a Symfony or Laravel application", &["app_secret", "app_key"], r"\bapp_(?:secret|key)", r"[0-9a-f]{32}|base64:[A-Za-z0-9+/]{43}="),
];
