//! Every rule finds what it is for and nothing near it.
//!
//! Examples are written as templates and made when the test runs, so that no scanner takes this file for a leak: `{A36}` is 36
//! letters and digits, `H` hexadecimal digits, `U` capitals and digits, `T` base32, `D` digits, `L` small letters and digits,
//! `W` letters, digits, `-` and `_`, `B` base64, `P` letters, `Q` bech32; `{UUID}` is one.

use std::collections::BTreeSet;

use super::super::{Scanner, rule::Rule};

/// Rule, texts it finds, texts it does not.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "aws-access-key-id",
        &["id = AKIA{T16}", "\"ASIA{T16}\""],
        &["AKIA{T15}", "AKIA{T20}", "AKIAIOSFODNN7EXAMPLE", "AKIAAAAAAAAAAAAAAAAA"],
    ),
    (
        "aws-secret-access-key",
        &["aws_secret_access_key = {B40}", "\"SecretAccessKey\": \"{B40}\""],
        &["aws_secret_access_key = {B30}", "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY_OF_THE_PRODUCTION}"],
    ),
    ("aws-session-token", &["aws_session_token={B200}"], &["aws_session_token={B60}"]),
    ("aws-bedrock-key", &["key: ABSK{B120}"], &["ABSK{B50}"]),
    ("gcp-api-key", &["const k = 'AIza{A35}'"], &["AIza{A20}", "AIza{A45}"]),
    ("gcp-oauth-token", &["Bearer ya29.{A60}"], &["ya29.{A10}"]),
    ("gcp-client-secret", &["\"client_secret\":\"GOCSPX-{A28}\""], &["GOCSPX-{A12}"]),
    ("gcp-service-account", &["{ \"private_key_id\": \"{H40}\" }"], &["\"private_key_id\": \"\""]),
    ("azure-client-secret", &["secret='{A3}8Q~{A34}'"], &["{A3}xQ~{A34}"]),
    (
        "azure-storage-key",
        &["AccountName=x;AccountKey={B86}==;EndpointSuffix=core.windows.net"],
        &["AccountKey={B20}=="],
    ),
    ("azure-shared-access-key", &["SharedAccessKey={B43}="], &["SharedAccessKey=<key>"]),
    ("azure-sas", &["https://x.blob.core.windows.net/c?sv=2024-01-01&ss=b&sig={A43}%3D"], &["?v=1&sig={A10}%3D"]),
    ("azure-devops-token", &["AZURE_DEVOPS_EXT_PAT={T2L52}"], &["AZURE_DEVOPS_EXT_PAT={T2L20}"]),
    ("digitalocean-token", &["dop_v1_{H64}"], &["dop_v1_{H60}"]),
    ("heroku-key", &["HRKU-{A60}"], &["HRKU-{A20}"]),
    ("alibaba-access-key", &["LTAI{A20}"], &["LTAI{A30}"]),
    ("tencent-secret-id", &["AKID{A32}"], &["AKID{A12}"]),
    ("yandex-key", &["AQVN{A36}"], &["AQVN{A12}"]),
    ("ibm-cloud-key", &["IBM_CLOUD_API_KEY={A44}"], &["IBM_CLOUD_API_KEY={A20}"]),
    ("linode-token", &["linode_token = \"{H64}\""], &["linode_token = \"{H10}\""]),
    ("hetzner-token", &["HCLOUD_TOKEN={A64}"], &["HCLOUD_TOKEN={A10}"]),
    ("scaleway-secret", &["SCW_SECRET_KEY={UUID}"], &["SCW_ACCESS={UUID}"]),
    ("cloudflare-token", &["CLOUDFLARE_API_TOKEN={A40}", "cf_api_token: {A40}"], &["CLOUDFLARE_API_TOKEN={A12}"]),
    ("cloudflare-origin-ca", &["v1.0-{H24}-{H146}"], &["v1.0-{H24}"]),
    ("fly-token", &["fo1_{A43}", "FLY=fm2_{B120}"], &["fo1_{A10}"]),
    ("netlify-token", &["nfp_{A40}"], &["nfp_{A10}"]),
    ("vercel-token", &["vcp_{A56}"], &["vcp_{A10}"]),
    ("vercel-token-named", &["VERCEL_TOKEN={A24}"], &["VERCEL_TOKEN={A10}"]),
    ("render-key", &["rnd_{A28}"], &["rnd_{A10}"]),
    ("supabase-token", &["sbp_{H40}", "sb_secret_{A36}"], &["sbp_{H10}"]),
    ("planetscale-token", &["pscale_tkn_{A43}", "pscale_pw_{A43}"], &["pscale_tkn_{A8}"]),
    ("neon-key", &["napi_{L64}"], &["napi_{L12}"]),
    ("databricks-token", &["dapi{H32}", "dapi{H32}-2"], &["dapi{H12}"]),
    ("doppler-token", &["dp.pt.{A43}", "dp.st.prd.{A40}"], &["dp.pt.{A10}"]),
    ("pulumi-token", &["pul-{H40}"], &["pul-{H12}"]),
    ("terraform-token", &["{A14}.atlasv1.{A67}"], &["{A14}.atlasv1.{A7}"]),
    ("vault-token", &["VAULT_TOKEN=hvs.{A90}", "hvb.{A120}"], &["hvs.{A8}"]),
    ("tailscale-key", &["tskey-auth-{A16}-{A32}"], &["tskey-auth-{A4}"]),
    ("confluent-secret", &["cflt{A60}"], &["cflt{A12}"]),
    ("mongodb-atlas-key", &["mdb_sa_sk_{A40}"], &["mdb_sa_sk_{A4}"]),
    ("aiven-token", &["AVNS_{A19}"], &["AVNS_{A8}"]),
    ("infisical-token", &["st.{UUID}.{H32}.{H32}"], &["st.{UUID}.{H3}"]),
    (
        "github-personal-token",
        &["token: ghp_{A36}", "https://ghp_{A36}@github.com"],
        &["ghp_{A30}", "ghp_{A40}", "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    ),
    ("github-fine-grained-token", &["github_pat_{A22}_{A59}"], &["github_pat_{A22}"]),
    ("github-oauth-token", &["gho_{A36}"], &["gho_{A12}"]),
    ("github-app-token", &["ghs_{A36}", "ghu_{A36}"], &["ghs_{A12}"]),
    ("github-refresh-token", &["ghr_{A76}"], &["ghr_{A12}"]),
    ("gitlab-personal-token", &["glpat-{A20}", "glpat-{A27}.01.{L9}"], &["glpat-{A8}"]),
    ("gitlab-token", &["glrt-{A20}", "gldt-{A20}", "glptt-{A40}"], &["glrt-{A8}"]),
    ("gitlab-runner-token", &["GR1348941{A20}"], &["GR1348941{A4}"]),
    ("bitbucket-app-password", &["ATBB{A32}"], &["ATBB{A12}"]),
    ("atlassian-token", &["ATATT3{A186}"], &["ATATT3{A20}"]),
    ("npm-token", &["npm_{A36}"], &["npm_{A20}", "npm_config_registry_of_the_whole_company_x"]),
    ("npmrc-token", &["//registry.example.org/:_authToken={A40}"], &["//registry.npmjs.org/:_authToken=${NPM_TOKEN}"]),
    ("pypi-token", &["pypi-AgEIcHlwaS5vcmc{W120}"], &["pypi-AgEI{A8}"]),
    ("rubygems-key", &["rubygems_{H48}"], &["rubygems_{H8}"]),
    ("crates-io-token", &["cio{A32}"], &["cio{A31}", "cio{A40}"]),
    ("nuget-key", &["oy2{L43}"], &["oy2{L20}"]),
    ("docker-hub-token", &["dckr_pat_{A27}", "dckr_oat_{A32}"], &["dckr_pat_{A8}"]),
    (
        "docker-config-auth",
        &["{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\": \"{B40}\"}}}"],
        &["{\"auth\": \"basic\"}"],
    ),
    ("jfrog-key", &["AKCp{A69}", "cmVmd{A59}"], &["AKCp{A12}"]),
    ("sonar-token", &["sqp_{H40}"], &["sqp_{H8}"]),
    ("clojars-token", &["CLOJARS_{L60}"], &["CLOJARS_{L8}"]),
    ("buildkite-token", &["bkua_{H40}"], &["bkua_{H8}"]),
    ("circleci-token", &["CCIPAT_{A22}_{H40}"], &["CCIPAT_{A8}"]),
    ("travis-token", &["TRAVIS_API_TOKEN={A22}"], &["TRAVIS_API_TOKEN={A8}"]),
    ("codecov-token", &["CODECOV_TOKEN: {UUID}"], &["CODECOV_TOKEN: ${{ secrets.CODECOV_TOKEN }}"]),
    ("sourcegraph-token", &["sgp_{H40}", "sgp_{H16}_{H40}"], &["sgp_{H8}"]),
    ("postman-key", &["PMAK-{H24}-{H34}"], &["PMAK-{H24}"]),
    ("readme-key", &["rdme_{L70}"], &["rdme_{L8}"]),
    ("sentry-token", &["sntrys_eyJ{A120}", "sntryu_{H64}"], &["sntrys_{A20}"]),
    ("launchdarkly-key", &["sdk-{UUID}", "api-{UUID}"], &["sdk-key", "sdk-00000000-0000-0000-0000-000000000000"]),
    ("linear-key", &["lin_api_{A40}"], &["lin_api_{A8}"]),
    ("notion-token", &["ntn_{D11}{A35}"], &["ntn_{A8}"]),
    ("figma-token", &["figd_{A40}"], &["figd_{A8}"]),
    ("airtable-token", &["pat{A14}.{H64}"], &["pat{A14}.{H8}"]),
    ("dynatrace-token", &["dt0c01.{U24}.{U64}"], &["dt0c01.{U24}"]),
    ("new-relic-key", &["NRAK-{U27}"], &["NRAK-{U8}"]),
    ("grafana-token", &["glsa_{A32}_{H8}"], &["glsa_{A8}"]),
    ("datadog-key", &["DD_API_KEY={H32}", "datadog_app_key: \"{H40}\""], &["DD_API_KEY=$KEY", "DD_SITE={H32}"]),
    ("honeycomb-key", &["hcaik_{L58}"], &["hcaik_{L8}"]),
    ("pagerduty-key", &["PAGERDUTY_API_KEY={A20}"], &["PAGERDUTY_API_KEY={A5}"]),
    ("opsgenie-key", &["OPSGENIE_API_KEY={UUID}"], &["OPSGENIE_TEAM={UUID}"]),
    ("snyk-token", &["SNYK_TOKEN={UUID}"], &["SNYK_ORG={UUID}"]),
    ("posthog-key", &["phx_{A43}"], &["phx_{A8}", "phc_{A43}"]),
    ("algolia-key-named", &["ALGOLIA_ADMIN_KEY={H32}"], &["ALGOLIA_SEARCH_KEY={H32}"]),
    (
        "slack-token",
        &["xoxb-{D12}-{D12}-{A24}", "xoxp-{D12}-{D12}-{D12}-{H32}"],
        &["xoxb-{D4}", "xoxb-your-token-here-please"],
    ),
    ("slack-configuration-token", &["xoxe.xoxp-1-{A166}"], &["xoxe.xoxp-1-{A20}"]),
    ("slack-app-token", &["xapp-1-A{U10}-{D13}-{H64}"], &["xapp-1-A{U4}"]),
    (
        "slack-webhook",
        &["https://hooks.slack.com/services/T{U10}/B{U10}/{A24}"],
        &["https://hooks.slack.com/services/T/B/X"],
    ),
    (
        "discord-webhook",
        &["https://discord.com/api/webhooks/{D18}/{A68}"],
        &["https://discord.com/api/webhooks/{D4}/x"],
    ),
    ("discord-bot-token", &["DISCORD_TOKEN=M{A23}.{A6}.{A38}"], &["DISCORD_TOKEN=M{A9}"]),
    (
        "teams-webhook",
        &["https://acme.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{H32}/{UUID}"],
        &["https://acme.webhook.office.com/webhookb2/"],
    ),
    ("telegram-bot-token", &["bot={D10}:AA{A33}"], &["{D10}:AA{A9}"]),
    ("twilio-key", &["SK{H32}"], &["SK{H16}"]),
    ("twilio-auth-token", &["TWILIO_AUTH_TOKEN={H32}"], &["TWILIO_AUTH_TOKEN={H8}"]),
    ("sendgrid-key", &["SG.{A22}.{A43}"], &["SG.{A22}.{A4}"]),
    ("mailgun-key", &["key-{H32}"], &["key-{H8}"]),
    ("mailchimp-key", &["{H32}-us21"], &["{H32}-us"]),
    ("brevo-key", &["xkeysib-{H64}-{A16}"], &["xkeysib-{H64}"]),
    ("resend-key", &["re_{A8}_{A24}"], &["re_{A8}"]),
    ("mandrill-key", &["md-{A22}"], &["md-{A8}", "md-grid-column-layout-wide"]),
    ("postmark-token", &["POSTMARK_SERVER_TOKEN={UUID}"], &["POSTMARK_ID={UUID}"]),
    ("sparkpost-key", &["SPARKPOST_API_KEY={H40}"], &["SPARKPOST_API_KEY={H8}"]),
    ("intercom-token", &["INTERCOM_ACCESS_TOKEN={A60}"], &["INTERCOM_ACCESS_TOKEN={A8}"]),
    ("zendesk-key", &["ZENDESK_API_TOKEN={A40}"], &["ZENDESK_API_TOKEN={A8}"]),
    ("zapier-webhook", &["https://hooks.zapier.com/hooks/catch/{D8}/{L8}"], &["https://hooks.zapier.com/hooks/"]),
    ("facebook-token", &["EAAC{A150}"], &["EAAC{A20}"]),
    ("twitter-bearer", &["AAAAAAAAAAAAAAAAAAAAAA{A90}"], &["AAAAAAAAAAAAAAAAAAAAAAAA"]),
    ("vonage-secret", &["VONAGE_API_SECRET={A16}"], &["VONAGE_API_SECRET={A5}"]),
    ("hubspot-token", &["pat-na1-{UUID}"], &["pat-na1-{H8}"]),
    (
        "stripe-live-key",
        &["sk_live_{A24}", "rk_live_{A99}"],
        &["sk_live_{A4}", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "pk_live_{A24}"],
    ),
    ("stripe-test-key", &["sk_test_{A24}"], &["sk_test_{A4}"]),
    ("stripe-webhook-secret", &["whsec_{A32}"], &["whsec_{A4}"]),
    ("braintree-token", &["access_token$production${L16}${H32}"], &["access_token$production$x"]),
    ("square-token", &["sq0atp-{A22}", "sq0csp-{A43}"], &["sq0atp-{A4}"]),
    ("square-access-token", &["EAAA{A60}"], &["EAAA{A20}"]),
    ("shopify-token", &["shpat_{H32}"], &["shpat_{H8}"]),
    ("adyen-key", &["AQEyhm{A120}"], &["AQEyhm{A20}"]),
    ("razorpay-key", &["rzp_live_{A14}"], &["rzp_test_{A14}"]),
    ("mollie-key", &["MOLLIE_KEY=live_{A30}"], &["MOLLIE_KEY=test_{A30}"]),
    ("gocardless-token", &["GOCARDLESS_TOKEN=live_{A40}"], &["GOCARDLESS_TOKEN=sandbox_{A40}"]),
    ("plaid-secret", &["PLAID_SECRET={H30}"], &["PLAID_SECRET={H8}"]),
    ("flutterwave-key", &["FLWSECK-{H32}-X"], &["FLWSECK-{A4}"]),
    ("easypost-key", &["EZAK{A54}"], &["EZAK{A12}"]),
    ("shippo-token", &["shippo_live_{H40}"], &["shippo_test_{H40}"]),
    ("duffel-token", &["duffel_live_{A43}"], &["duffel_test_{A43}"]),
    ("paypal-secret", &["PAYPAL_CLIENT_SECRET=E{W79}"], &["PAYPAL_CLIENT_SECRET={A8}"]),
    ("coinbase-token", &["COINBASE_SECRET={A64}"], &["COINBASE_SECRET={A8}"]),
    ("openai-key", &["sk-proj-{A40}T3BlbkFJ{A40}", "sk-{A20}T3BlbkFJ{A20}"], &["sk-{A20}"]),
    ("anthropic-key", &["sk-ant-api03-{A93}AA"], &["sk-ant-api03-{A9}"]),
    ("openrouter-key", &["sk-or-v1-{H64}"], &["sk-or-v1-{H8}"]),
    ("hugging-face-token", &["hf_{P34}"], &["hf_{P8}"]),
    ("replicate-token", &["r8_{A37}"], &["r8_{A8}"]),
    ("groq-key", &["gsk_{A52}"], &["gsk_{A8}"]),
    ("perplexity-key", &["pplx-{A48}"], &["pplx-{A8}"]),
    ("xai-key", &["xai-{A80}"], &["xai-{A8}"]),
    ("langsmith-key", &["lsv2_pt_{H32}_{H10}"], &["lsv2_pt_{H8}"]),
    ("pinecone-key", &["pcsk_{A5}_{A63}"], &["pcsk_{A5}"]),
    ("elevenlabs-key", &["ELEVENLABS_API_KEY=sk_{H48}"], &["ELEVENLABS_API_KEY=sk_{H8}"]),
    ("mistral-key", &["MISTRAL_API_KEY={A32}"], &["MISTRAL_API_KEY={A8}"]),
    ("cohere-key", &["COHERE_API_KEY={A40}"], &["COHERE_API_KEY={A8}"]),
    ("deepseek-key", &["DEEPSEEK_API_KEY=sk-{H32}"], &["DEEPSEEK_API_KEY=sk-{H8}"]),
    (
        "private-key",
        &[
            "-----BEGIN RSA {_}PRIVATE KEY-----\n{B64}\n{B64}\n-----END RSA {_}PRIVATE KEY-----",
            "key = \"-----BEGIN {_}PRIVATE KEY-----\\n{B64}\\n{B64}\\n\"",
            "-----BEGIN OPENSSH {_}PRIVATE KEY-----\n{B70}\n",
        ],
        &["-----BEGIN {_}PRIVATE KEY-----\n...\n", "-----BEGIN PUBLIC KEY-----\n{B64}\n{B64}\n"],
    ),
    (
        "putty-private-key",
        &[
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 1\n{B64}\nPrivate-Lines: 1\n{B44}\n",
        ],
        &["PuTTY-User-Key-File-3: ssh-ed25519\n"],
    ),
    ("age-secret-key", &["AGE-SECRET-KEY-1{Q58}"], &["AGE-SECRET-KEY-1{Q8}", "age1{A58}"]),
    ("kubeconfig-key", &["    client-key-data: LS0tLS1CRUdJTi{B300}"], &["    client-key-data: REDACTED"]),
    ("wireguard-key", &["PrivateKey = {B42}A="], &["PublicKey = {B42}A="]),
    ("jwt", &["eyJhbGciOiJIUzI1NiJ9.eyJ{A40}.{A43}"], &["eyJhbGciOiJIUzI1NiJ9.x.y"]),
    (
        "url-password",
        &["DATABASE_URL=postgres://app:{A16}@db.example.org:5432/app", "amqp://u:{A12}@mq"],
        &[
            "postgres://app:${DB_PASSWORD}@db/app",
            "postgres://postgres:postgres@localhost/x",
            "http://host:8080/a@b",
            "https://user@host/x",
            "postgres://app:<password>@db/x",
        ],
    ),
    (
        "connection-string-password",
        &["Server=db;Database=x;User Id=u;Password={A12};"],
        &["Server=db;Database=x;User Id=u;Password=${PW};"],
    ),
    ("basic-authorization", &["Authorization: Basic {B32}"], &["Authorization: Basic $AUTH"]),
    (
        "bearer-authorization",
        &["'Authorization': 'Bearer {A40}'"],
        &["Authorization: Bearer $TOKEN", "Authorization: Bearer <your token that you got>"],
    ),
    ("curl-password", &["curl -s -u admin:{A12} https://x"], &["curl -u admin:$PASS https://x"]),
    (
        "netrc-password",
        &["machine api.example.org login ana password {A12}"],
        &["machine api.example.org login ana password $PW"],
    ),
    ("one-password-key", &["A3-{U6}-{U11}-{U5}-{U5}-{U5}"], &["A3-{U6}"]),
    ("okta-token", &["OKTA_API_TOKEN=00{A40}"], &["OKTA_API_TOKEN=00{A4}"]),
    ("auth0-secret", &["AUTH0_CLIENT_SECRET={A64}"], &["AUTH0_CLIENT_SECRET={A8}"]),
    ("rails-master-key", &["RAILS_MASTER_KEY={H32}"], &["RAILS_MASTER_KEY={H8}"]),
    ("django-secret-key", &["SECRET_KEY = 'q{A24}$+{A23}'"], &["SECRET_KEY = os.environ['SECRET_KEY']"]),
    (
        "symfony-secret",
        &["APP_SECRET={H32}", "APP_KEY=base64:{B43}="],
        &["APP_SECRET=${APP_SECRET}", "APP_SECRET={H8}"],
    ),
    (
        "generic-password",
        &["db_password: {A12}4k9", "\"password\": \"x{A11}7{D2}!\""],
        &[
            "password: ${DB_PASSWORD}",
            "password: changeme123",
            "password_reset_url: /a/b1/c2",
            "password: str",
            "password: ENC[AES256_GCM,data:{B20}]",
            "password = getPassword(user1, 22)",
        ],
    ),
    (
        "generic-secret",
        &["client_secret = \"{A28}4k{D2}\"", "apiKey: '{A20}7{D2}x'", "--token={A28}{D2}"],
        &[
            "token = request.headers.get1value2",
            "secret: my-service-secret-v2",
            "api_key: {UUID}",
            "token: abcdefghijklmnop1234567890",
            "secret: sha256:{H64}",
            "token_type: {A4}",
            "secret = \"projects/1234/secrets/app/versions/3\"",
        ],
    ),
];

/// A generator that gives the same text for the same rule every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        // All of a short alphabet comes up, as in real keys more often than not.
        (0..length).map(|_| char::from(alphabet.as_bytes()[self.next() % alphabet.len()])).collect()
    }
}

pub(crate) fn made(template: &str, seed: u64) -> String {
    const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
    const DIGITS: &str = "0123456789";
    let capitals = SMALL.to_uppercase();
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        let (name, end) = after.split_once('}').unwrap_or((after, ""));
        let class = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let length = name[class.len()..].parse().unwrap_or(0);
        let alphabet = match class {
            "A" => format!("{SMALL}{capitals}{DIGITS}"),
            "H" => "0123456789abcdef".to_owned(),
            "U" => format!("{capitals}{DIGITS}"),
            "T" => format!("{capitals}234567"),
            "T2L" => format!("{SMALL}234567"),
            "D" => DIGITS.to_owned(),
            "L" => format!("{SMALL}{DIGITS}"),
            "W" => format!("{SMALL}{capitals}{DIGITS}-_"),
            "B" => format!("{SMALL}{capitals}{DIGITS}+/"),
            "P" => format!("{SMALL}{capitals}"),
            "Q" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
            "UUID" => {
                let hex = |dice: &mut Dice, length| dice.text("0123456789abcdef", length);
                out += &[8, 4, 4, 4, 12].map(|length| hex(&mut dice, length)).join("-");
                rest = end;
                continue;
            }
            "_" => {
                rest = end;
                continue;
            }
            _ => {
                out.push('{');
                rest = after;
                continue;
            }
        };
        out += &dice.text(&alphabet, length);
        rest = end;
    }
    out + rest
}

fn found(text: &str) -> Vec<&'static str> {
    // A file of source code: nothing about the path decides.
    Scanner::new(&[]).scan("src/settings.txt", text.as_bytes()).into_iter().map(|hit| hit.rule).collect()
}

#[test]
fn every_rule_has_examples_of_both_kinds() {
    let rules: Vec<&str> = super::all().map(|rule| rule.id).collect();
    let cases: Vec<&str> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(rules, cases, "one case per rule, in their order");
    assert!(CASES.iter().all(|(_, good, bad)| !good.is_empty() && !bad.is_empty()));
    assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), rules.len(), "ids are unique");
    assert!(rules.len() >= 150, "{}", rules.len());
}

#[test]
fn every_rule_finds_its_examples_and_nothing_near_them() {
    let mut wrong = Vec::new();
    for (id, good, bad) in CASES {
        for seed in 1..=8 {
            for template in *good {
                // At the start and the end of a file, and between lines.
                for text in [made(template, seed), format!("first\n{}\nlast\n", made(template, seed))] {
                    if !found(&text).contains(id) {
                        wrong.push(format!("{id} misses `{text}`: {:?}", found(&text)));
                    }
                }
            }
            for template in *bad {
                let text = made(template, seed);
                if found(&text).contains(id) {
                    wrong.push(format!("{id} finds `{text}`"));
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_keyword_is_in_lower_case_and_every_pattern_compiles() {
    let sound = |rule: &&Rule| {
        rule.compile().is_some()
            && rule.keywords.iter().all(|word| word.len() >= 2 && word.to_ascii_lowercase() == **word)
    };
    let wrong: Vec<&str> = super::all().filter(|rule| !sound(rule)).map(|rule| rule.id).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_tables_themselves_look_like_no_leak() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/leaks");
    let scanner = Scanner::new(&[]);
    let mut files = vec![folder];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let hits = scanner.scan(path.to_str().unwrap(), &std::fs::read(&path).unwrap());
        assert!(hits.is_empty(), "{}: {hits:#?}", path.display());
    }
}
