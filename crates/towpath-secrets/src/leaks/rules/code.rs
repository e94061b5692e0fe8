//! Code hosting, registries, build and observation services.

use super::super::rule::{LeakSeverity, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule::token("github-personal-token", "a personal access token of GitHub", &["ghp_"], r"\b(ghp_[A-Za-z0-9]{36})\b")
        .critical()
        .entropy(3.0),
    Rule::token(
        "github-fine-grained-token",
        "a fine-grained access token of GitHub",
        &["github_pat_"],
        r"\b(github_pat_[A-Za-z0-9_]{82})\b",
    )
    .critical()
    .entropy(3.0),
    Rule::token("github-oauth-token", "an OAuth token of GitHub", &["gho_"], r"\b(gho_[A-Za-z0-9]{36})\b").entropy(3.0),
    Rule::token("github-app-token", "a token of a GitHub App", &["ghu_", "ghs_"], r"\b(gh[us]_[A-Za-z0-9]{36})\b")
        .entropy(3.0),
    Rule::token("github-refresh-token", "a refresh token of GitHub", &["ghr_"], r"\b(ghr_[A-Za-z0-9]{36,76})\b")
        .entropy(3.0),
    Rule::token(
        "gitlab-personal-token",
        "a personal access token of GitLab",
        &["glpat-"],
        r"\b(glpat-[\w-]{20,300}(?:\.[\w-]{2}\.[\w-]{9,12})?)",
    )
    .critical(),
    Rule::token(
        "gitlab-token",
        "a token of GitLab",
        &["glrt-", "gldt-", "glptt-", "glcbt-", "glft-", "glimt-", "glagent-", "glsoat-", "glffct-", "gloas-"],
        r"\b((?:glrt|gldt|glptt|glcbt|glft|glimt|glagent|glsoat|glffct|gloas)-[\w-]{20,64})",
    ),
    Rule::token(
        "gitlab-runner-token",
        "a registration token of GitLab runners",
        &["gr1348941"],
        r"\b(GR1348941[\w-]{20})(?:[^\w-]|$)",
    ),
    Rule::token("bitbucket-app-password", "an app password of Bitbucket", &["atbb"], r"\b(ATBB[A-Za-z0-9]{24,32})\b")
        .entropy(3.5),
    Rule::token("atlassian-token", "an API token of Atlassian", &["atatt3"], r"\b(ATATT3[\w=-]{180,200})"),
    Rule::token("npm-token", "a token of npm", &["npm_"], r"\b(npm_[A-Za-z0-9]{36})\b").critical().entropy(3.0),
    Rule::token(
        "npmrc-token",
        "a token of a registry in .npmrc",
        &["_authtoken", "_auth="],
        r"(?::_authToken|_auth)\s*=\s*([\w+/=-]{16,400})",
    )
    .entropy(3.0),
    Rule::token("pypi-token", "an upload token of PyPI", &["pypi-"], r"\b(pypi-AgE[A-Za-z0-9_-]{60,400})").critical(),
    Rule::token("rubygems-key", "an API key of RubyGems", &["rubygems_"], r"\b(rubygems_[a-f0-9]{48})\b").critical(),
    Rule::token("crates-io-token", "a token of crates.io", &["cio"], r"\b(cio[A-Za-z0-9]{32})\b")
        .critical()
        .entropy(3.5),
    Rule::token("nuget-key", "an API key of NuGet", &["oy2"], r"\b(oy2[a-z0-9]{43})\b").critical().entropy(3.0),
    Rule::token(
        "docker-hub-token",
        "an access token of Docker Hub",
        &["dckr_pat_", "dckr_oat_"],
        r"\b(dckr_[po]at_[\w-]{27,60})",
    )
    .critical(),
    Rule::token(
        "docker-config-auth",
        "the credentials of a registry in a Docker configuration",
        &["\"auth\""],
        r#""auth"\s*:\s*"([A-Za-z0-9+/]{16,400}={0,2})""#,
    )
    .entropy(3.0),
    Rule::token(
        "jfrog-key",
        "an API key or token of Artifactory",
        &["akcp", "cmvmd"],
        r"\b(AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59})\b",
    )
    .entropy(3.5),
    Rule::token("sonar-token", "a token of SonarQube", &["squ_", "sqp_", "sqa_"], r"\b(sq[upa]_[a-f0-9]{40})\b"),
    Rule::token("clojars-token", "a token of Clojars", &["clojars_"], r"\b(CLOJARS_[a-z0-9]{60})\b"),
    Rule::token("buildkite-token", "a token of Buildkite", &["bkua_", "bkct_"], r"\b(bk(?:ua|ct)_[a-f0-9]{40})\b"),
    Rule::token(
        "circleci-token",
        "a token of CircleCI",
        &["ccipat_", "ccipra_"],
        r"\b(CCIP(?:AT|RA)_[A-Za-z0-9_]{30,90})\b",
    ),
    Rule::assigned(
        "travis-token",
        "a token of Travis CI",
        &["travis"],
        r"travis[\w.-]{0,8}token",
        r"[A-Za-z0-9_-]{22}",
    )
    .entropy(3.5),
    Rule::assigned(
        "codecov-token",
        "an upload token of Codecov",
        &["codecov"],
        r"codecov[\w.-]{0,8}token",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    )
    .severity(LeakSeverity::Medium),
    Rule::token(
        "sourcegraph-token",
        "a token of Sourcegraph",
        &["sgp_"],
        r"\b(sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40})\b",
    ),
    Rule::token("postman-key", "an API key of Postman", &["pmak-"], r"\b(PMAK-[a-f0-9]{24}-[a-f0-9]{34})\b"),
    Rule::token("readme-key", "an API key of ReadMe", &["rdme_"], r"\b(rdme_[a-z0-9]{70})\b"),
    Rule::token(
        "sentry-token",
        "a token of Sentry",
        &["sntrys_", "sntryu_"],
        r"\b(sntrys_eyJ[\w+/=-]{80,400}|sntryu_[a-f0-9]{64})",
    ),
    Rule::token(
        "launchdarkly-key",
        "a key of LaunchDarkly",
        &["api-", "sdk-"],
        r"\b((?:api|sdk)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
    )
    .entropy(3.0),
    Rule::token("linear-key", "an API key of Linear", &["lin_api_"], r"\b(lin_api_[A-Za-z0-9]{40})\b"),
    Rule::token("notion-token", "a token of Notion", &["ntn_"], r"\b(ntn_\d{11}[A-Za-z0-9]{35})\b"),
    Rule::token("figma-token", "a token of Figma", &["figd_"], r"\b(figd_[\w-]{40})(?:[^\w-]|$)"),
    Rule::token("airtable-token", "a token of Airtable", &["pat"], r"\b(pat[A-Za-z0-9]{14}\.[a-f0-9]{64})\b"),
    Rule::token(
        "dynatrace-token",
        "a token of Dynatrace",
        &["dt0c01.", "dt0s16."],
        r"\b(dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64})\b",
    ),
    Rule::token(
        "new-relic-key",
        "a key of New Relic",
        &["nrak-", "nrii-", "nrjs-"],
        r"\b(NRAK-[A-Z0-9]{27}|NRII-[\w-]{32}|NRJS-[a-f0-9]{19})\b",
    ),
    Rule::token(
        "grafana-token",
        "a token of Grafana",
        &["glsa_", "glc_eyj"],
        r"\b(glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_eyJ[A-Za-z0-9+/=]{32,400})",
    ),
    Rule::assigned(
        "datadog-key",
        "a key of Datadog",
        &["datadog", "dd_"],
        r"datadog[\w.-]{0,12}key|dd_(?:api|app|application)_key",
        r"[a-f0-9]{40}|[a-f0-9]{32}",
    ),
    Rule::token(
        "honeycomb-key",
        "an ingest or configuration key of Honeycomb",
        &["hcaik_", "hcbik_", "hcalk_", "hcxik_", "hcxlk_"],
        r"\b(hc[a-z][il]k_[a-z0-9]{58})\b",
    ),
    Rule::assigned(
        "pagerduty-key",
        "an API key of PagerDuty",
        &["pagerduty"],
        r"pagerduty[\w.-]{0,12}(?:key|token)",
        r"[\w+-]{20}|[a-f0-9]{32}",
    )
    .entropy(3.2),
    Rule::assigned(
        "opsgenie-key",
        "an API key of Opsgenie",
        &["opsgenie"],
        r"opsgenie[\w.-]{0,8}key",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    Rule::assigned(
        "snyk-token",
        "a token of Snyk",
        &["snyk"],
        r"snyk[\w.-]{0,8}token",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    Rule::token("posthog-key", "a personal key of PostHog", &["phx_"], r"\b(phx_[A-Za-z0-9]{43,60})\b").entropy(3.5),
    Rule::token(
        "algolia-key-named",
        "an admin key of Algolia",
        &["algolia"],
        r#"(?i)algolia[\w.-]{0,12}(?:admin|write|api)_?(?:api_?)?key["']?\s{0,4}[=:]\s{0,4}["']?([a-f0-9]{32})\b"#,
    ),
];
