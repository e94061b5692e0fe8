//! Clouds, hosting, databases as a service.

use super::super::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::token(
        "aws-access-key-id",
        "an access key id of AWS",
        &["akia", "asia", "abia", "acca"],
        r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    )
    .critical()
    .entropy(3.0),
    Rule::assigned(
        "aws-secret-access-key",
        "a secret access key of AWS",
        &["aws", "secret_access", "secretaccess"],
        r"aws[\w.-]{0,12}(?:secret|key)|secret_?access_?key",
        r"[A-Za-z0-9/+]{40}",
    )
    .critical()
    .entropy(4.0),
    Rule::assigned(
        "aws-session-token",
        "a session token of AWS",
        &["session_token", "sessiontoken"],
        r"session_?token",
        r"[A-Za-z0-9/+=]{100,500}",
    )
    .entropy(4.0),
    Rule::token("aws-bedrock-key", "a key of Amazon Bedrock", &["absk"], r"\b(ABSK[A-Za-z0-9+/]{109,269}={0,2})")
        .critical(),
    Rule::token("gcp-api-key", "an API key of Google", &["aiza"], r"\b(AIza[\w-]{35})(?:[^\w-]|$)").entropy(3.5),
    Rule::token("gcp-oauth-token", "an access token of Google", &["ya29."], r"\b(ya29\.[\w-]{30,400})").entropy(3.5),
    Rule::token("gcp-client-secret", "a client secret of Google", &["gocspx-"], r"\b(GOCSPX-[\w-]{28})(?:[^\w-]|$)"),
    Rule::token(
        "gcp-service-account",
        "the key of a service account of Google",
        &["private_key_id"],
        r#""private_key_id"\s*:\s*"([0-9a-f]{40})""#,
    )
    .critical(),
    Rule::token(
        "azure-client-secret",
        "a client secret of Entra ID",
        &["q~"],
        r"(?:^|[^\w~.-])([\w~.]{3}\dQ~[\w~.-]{31,34})(?:[^\w~.-]|$)",
    )
    .critical()
    .entropy(3.5),
    Rule::token(
        "azure-storage-key",
        "a storage account key of Azure",
        &["accountkey"],
        r"AccountKey=([A-Za-z0-9+/]{86}==)",
    )
    .critical()
    .entropy(4.0),
    Rule::token(
        "azure-shared-access-key",
        "a shared access key of Azure",
        &["sharedaccesskey"],
        r"SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    )
    .entropy(3.5),
    Rule::token(
        "azure-sas",
        "a shared access signature of Azure",
        &["sig="],
        r"[?&]s[vep]=[^\s&]{2,40}[^\s]{0,200}&sig=([A-Za-z0-9%/+]{40,70}(?:%3D|=))",
    )
    .entropy(3.5),
    Rule::assigned(
        "azure-devops-token",
        "a token of Azure DevOps",
        &["azure", "devops"],
        r"azure_?devops[\w-]{0,12}|devops_?(?:pat|token)",
        r"[a-z2-7]{52}",
    ),
    Rule::token(
        "digitalocean-token",
        "a token of DigitalOcean",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"\b(do[opr]_v1_[a-f0-9]{64})\b",
    ),
    Rule::token("heroku-key", "an API key of Heroku", &["hrku-"], r"\b(HRKU-[\w-]{36,72})"),
    Rule::token("alibaba-access-key", "an access key id of Alibaba Cloud", &["ltai"], r"\b(LTAI[A-Za-z0-9]{20})\b")
        .entropy(3.5),
    Rule::token("tencent-secret-id", "a secret id of Tencent Cloud", &["akid"], r"\b(AKID[A-Za-z0-9]{32})\b")
        .entropy(3.5),
    Rule::token("yandex-key", "an API key of Yandex Cloud", &["aqvn"], r"\b(AQVN[\w-]{35,38})(?:[^\w-]|$)")
        .entropy(3.5),
    Rule::assigned("ibm-cloud-key", "an API key of IBM Cloud", &["ibm"], r"ibm[\w.-]{0,12}key", r"[\w-]{44}")
        .entropy(3.5),
    Rule::assigned("linode-token", "a token of Linode", &["linode"], r"linode", r"[a-f0-9]{64}"),
    Rule::assigned(
        "hetzner-token",
        "a token of Hetzner Cloud",
        &["hcloud", "hetzner"],
        r"hcloud|hetzner",
        r"[A-Za-z0-9]{64}",
    )
    .entropy(3.5),
    Rule::assigned(
        "scaleway-secret",
        "a secret key of Scaleway",
        &["scw", "scaleway"],
        r"scw_?secret|scaleway[\w.-]{0,8}secret",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    Rule::assigned(
        "cloudflare-token",
        "a token of Cloudflare",
        &["cloudflare", "cf_api", "cfapi"],
        r"cloudflare[\w.-]{0,8}(?:token|key)|cf_?api_?token",
        r"[\w-]{40}|[a-f0-9]{37}",
    )
    .entropy(3.5),
    Rule::token(
        "cloudflare-origin-ca",
        "an origin CA key of Cloudflare",
        &["v1.0-"],
        r"\b(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})\b",
    )
    .critical(),
    Rule::token(
        "fly-token",
        "a token of Fly.io",
        &["fo1_", "fm1_", "fm2_", "fm1r_", "fm1a_"],
        r"\b(fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{100,500})",
    )
    .entropy(3.5),
    Rule::token("netlify-token", "a token of Netlify", &["nfp_"], r"\b(nfp_[A-Za-z0-9]{36,40})\b"),
    Rule::token(
        "vercel-token",
        "a token of Vercel",
        &["vcp_", "vca_", "vck_", "vci_", "vcr_"],
        r"\b(vc[pakir]_[A-Za-z0-9]{24,60})\b",
    )
    .entropy(3.5),
    Rule::assigned(
        "vercel-token-named",
        "a token of Vercel",
        &["vercel"],
        r"vercel[\w.-]{0,8}token",
        r"[A-Za-z0-9]{24}",
    )
    .entropy(3.5),
    Rule::token("render-key", "an API key of Render", &["rnd_"], r"\b(rnd_[A-Za-z0-9]{28,40})\b").entropy(3.5),
    Rule::token(
        "supabase-token",
        "a token of Supabase",
        &["sbp_", "sb_secret_"],
        r"\b(sbp_[a-f0-9]{40}|sb_secret_[\w-]{31,60})",
    ),
    Rule::token(
        "planetscale-token",
        "a password or token of PlanetScale",
        &["pscale_"],
        r"\b(pscale_(?:tkn|oauth|pw)_[\w.-]{32,64})",
    ),
    Rule::token("neon-key", "an API key of Neon", &["napi_"], r"\b(napi_[a-z0-9]{64})\b"),
    Rule::token("databricks-token", "a token of Databricks", &["dapi"], r"\b(dapi[a-f0-9]{32}(?:-\d)?)\b").entropy(3.0),
    Rule::token(
        "doppler-token",
        "a token of Doppler",
        &["dp.pt.", "dp.st.", "dp.sa.", "dp.ct.", "dp.scim."],
        r"\b(dp\.(?:pt|sa|ct|scim|st(?:\.[\w-]{1,40})?)\.[A-Za-z0-9]{40,44})\b",
    ),
    Rule::token("pulumi-token", "a token of Pulumi", &["pul-"], r"\b(pul-[a-f0-9]{40})\b"),
    Rule::token(
        "terraform-token",
        "a token of HCP Terraform",
        &["atlasv1"],
        r"\b([A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70})",
    )
    .entropy(3.5),
    Rule::token("vault-token", "a token of Vault", &["hvs.", "hvb.", "hvr."], r"\b(hv[sbr]\.[\w-]{24,220})")
        .critical()
        .entropy(3.0),
    Rule::token(
        "tailscale-key",
        "a key of Tailscale",
        &["tskey-"],
        r"\b(tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,48})\b",
    ),
    Rule::token("confluent-secret", "a secret of Confluent Cloud", &["cflt"], r"\b(cflt[A-Za-z0-9/+]{60})")
        .entropy(3.5),
    Rule::token(
        "mongodb-atlas-key",
        "a service account secret of MongoDB Atlas",
        &["mdb_sa_sk_"],
        r"\b(mdb_sa_sk_[\w-]{40})",
    ),
    Rule::token("aiven-token", "a password of Aiven", &["avns_"], r"\b(AVNS_[\w-]{19})(?:[^\w-]|$)"),
    Rule::token(
        "infisical-token",
        "a service token of Infisical",
        &["st."],
        r"\b(st\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-f0-9]{32}\.[a-f0-9]{32})\b",
    ),
];
