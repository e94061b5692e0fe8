//! Payments, shops, money.

use super::super::rule::{LeakSeverity, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule::token(
        "stripe-live-key",
        "a live key of Stripe",
        &["sk_live_", "rk_live_", "sk_prod_", "rk_prod_"],
        r"\b([sr]k_(?:live|prod)_[A-Za-z0-9]{16,120})\b",
    )
    .critical()
    .entropy(3.0),
    Rule::token(
        "stripe-test-key",
        "a test key of Stripe",
        &["sk_test_", "rk_test_"],
        r"\b([sr]k_test_[A-Za-z0-9]{16,120})\b",
    )
    .severity(LeakSeverity::Low)
    .entropy(3.0),
    Rule::token(
        "stripe-webhook-secret",
        "a signing secret of a Stripe or Standard Webhooks endpoint",
        &["whsec_"],
        r"\b(whsec_[A-Za-z0-9+/=]{24,80})",
    )
    .entropy(3.0),
    Rule::token(
        "braintree-token",
        "an access token of Braintree",
        &["access_token$"],
        r"\b(access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32})\b",
    )
    .critical(),
    Rule::token(
        "square-token",
        "a token or secret of Square",
        &["sq0atp-", "sq0csp-"],
        r"\b(sq0(?:atp-[\w-]{22}|csp-[\w-]{43}))",
    )
    .critical(),
    Rule::token("square-access-token", "an access token of Square", &["eaaa"], r"\b(EAAA[\w+=-]{60})(?:[^\w-]|$)")
        .critical()
        .entropy(3.5),
    Rule::token(
        "shopify-token",
        "a token or secret of Shopify",
        &["shpat_", "shpca_", "shppa_", "shpss_", "shpua_"],
        r"\b(shp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32})\b",
    )
    .critical(),
    Rule::token("adyen-key", "an API key of Adyen", &["aqe"], r"\b(AQE[a-z]hm[A-Za-z0-9+/=-]{60,400})").entropy(3.5),
    Rule::token("razorpay-key", "a key id of Razorpay", &["rzp_live_"], r"\b(rzp_live_[A-Za-z0-9]{14})\b"),
    Rule::assigned(
        "mollie-key",
        "an API key of Mollie",
        &["mollie", "live_"],
        r"mollie[\w.-]{0,12}",
        r"live_[A-Za-z0-9]{30,32}",
    )
    .critical(),
    Rule::assigned(
        "gocardless-token",
        "a token of GoCardless",
        &["gocardless", "live_"],
        r"gocardless[\w.-]{0,12}",
        r"live_[\w=-]{40}",
    )
    .critical(),
    Rule::assigned("plaid-secret", "a secret of Plaid", &["plaid"], r"plaid[\w.-]{0,12}secret", r"[a-f0-9]{30}")
        .critical(),
    Rule::token("flutterwave-key", "a secret key of Flutterwave", &["flwseck-"], r"\b(FLWSECK-[A-Za-z0-9-]{32,48})\b"),
    Rule::token("easypost-key", "an API key of EasyPost", &["ezak"], r"\b(EZAK[A-Za-z0-9]{54})\b"),
    Rule::token("shippo-token", "a live token of Shippo", &["shippo_live_"], r"\b(shippo_live_[a-f0-9]{40})\b"),
    Rule::token("duffel-token", "a live token of Duffel", &["duffel_live_"], r"\b(duffel_live_[\w=-]{43})"),
    Rule::assigned(
        "paypal-secret",
        "a client secret of PayPal",
        &["paypal"],
        r"paypal[\w.-]{0,12}secret",
        r"[\w-]{60,90}",
    )
    .critical()
    .entropy(3.5),
    Rule::assigned(
        "coinbase-token",
        "a token of Coinbase",
        &["coinbase"],
        r"coinbase[\w.-]{0,12}(?:secret|token)",
        r"[\w-]{64}",
    )
    .critical()
    .entropy(3.5),
];
