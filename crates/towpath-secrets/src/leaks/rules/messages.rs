//! Chat, mail, telephone.

use super::super::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::token(
        "slack-token",
        "a token of Slack",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-"],
        r"\b(xox[bparso]-(?:\d-)?[0-9A-Za-z]{8,14}-[0-9A-Za-z-]{18,250})",
    )
    .critical()
    .entropy(3.0),
    Rule::token(
        "slack-configuration-token",
        "a configuration token of Slack",
        &["xoxe-", "xoxe."],
        r"\b(xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9-]{140,180})",
    ),
    Rule::token(
        "slack-app-token",
        "an app-level token of Slack",
        &["xapp-"],
        r"\b(xapp-\d-[A-Z0-9]{8,14}-\d{8,16}-[a-z0-9]{32,80})\b",
    ),
    Rule::token(
        "slack-webhook",
        "the address of an incoming webhook of Slack",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{40,60})",
    ),
    Rule::token(
        "discord-webhook",
        "the address of a webhook of Discord",
        &["discord.com/api/webhooks", "discordapp.com/api/webhooks"],
        r"discord(?:app)?\.com/api/webhooks/(\d{17,20}/[\w-]{60,70})",
    ),
    Rule::assigned(
        "discord-bot-token",
        "a bot token of Discord",
        &["discord", "bot_token"],
        r"discord[\w.-]{0,12}token|bot_token",
        r"[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,38}",
    )
    .entropy(3.5),
    Rule::token(
        "teams-webhook",
        "the address of a webhook of Microsoft Teams",
        &["webhook.office.com"],
        r"[a-z0-9]{1,40}\.webhook\.office\.com/webhookb2/([0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36})",
    ),
    Rule::token("telegram-bot-token", "a bot token of Telegram", &[":aa"], r"\b(\d{8,10}:AA[\w-]{33})(?:[^\w-]|$)")
        .entropy(3.5),
    Rule::token("twilio-key", "an API key of Twilio", &["sk"], r"\b(SK[0-9a-f]{32})\b").entropy(3.2),
    Rule::assigned(
        "twilio-auth-token",
        "the auth token of a Twilio account",
        &["twilio"],
        r"twilio[\w.-]{0,12}(?:auth_?)?token",
        r"[0-9a-f]{32}",
    )
    .critical(),
    Rule::token("sendgrid-key", "an API key of SendGrid", &["sg."], r"\b(SG\.[\w-]{22}\.[\w-]{43})(?:[^\w-]|$)")
        .critical()
        .entropy(3.5),
    Rule::token("mailgun-key", "a private key of Mailgun", &["key-"], r"\b(key-[a-f0-9]{32})\b").entropy(3.2),
    Rule::token("mailchimp-key", "an API key of Mailchimp", &["-us"], r"\b([a-f0-9]{32}-us\d{1,2})\b").entropy(3.2),
    Rule::token(
        "brevo-key",
        "an API key of Brevo",
        &["xkeysib-", "xsmtpsib-"],
        r"\b(x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16})\b",
    ),
    Rule::token("resend-key", "an API key of Resend", &["re_"], r"\b(re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24})\b")
        .entropy(3.5),
    Rule::token("mandrill-key", "an API key of Mandrill", &["md-"], r"\b(md-[A-Za-z0-9_-]{22})(?:[^\w-]|$)")
        .entropy(3.5),
    Rule::assigned(
        "postmark-token",
        "a server token of Postmark",
        &["postmark"],
        r"postmark[\w.-]{0,12}token",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    Rule::assigned(
        "sparkpost-key",
        "an API key of SparkPost",
        &["sparkpost"],
        r"sparkpost[\w.-]{0,8}key",
        r"[a-f0-9]{40}",
    ),
    Rule::assigned(
        "intercom-token",
        "a token of Intercom",
        &["intercom"],
        r"intercom[\w.-]{0,12}(?:token|key|secret)",
        r"[\w=-]{60}",
    )
    .entropy(3.5),
    Rule::assigned(
        "zendesk-key",
        "an API key of Zendesk",
        &["zendesk"],
        r"zendesk[\w.-]{0,12}(?:token|key|secret)",
        r"[A-Za-z0-9]{40}",
    )
    .entropy(3.5),
    Rule::token(
        "zapier-webhook",
        "the address of a hook of Zapier",
        &["hooks.zapier.com"],
        r"hooks\.zapier\.com/hooks/catch/(\d{4,12}/[a-z0-9]{6,12})\b",
    ),
    Rule::token("facebook-token", "an access token of Facebook", &["eaa"], r"\b(EAA[MC][A-Za-z0-9]{100,300})\b")
        .entropy(3.5),
    Rule::token("twitter-bearer", "a bearer token of X", &["aaaaaaaaa"], r"\b(A{22}[A-Za-z0-9%]{80,120})\b")
        .entropy(3.0),
    Rule::assigned(
        "vonage-secret",
        "a secret of Vonage",
        &["vonage", "nexmo"],
        r"(?:vonage|nexmo)[\w.-]{0,8}secret",
        r"[A-Za-z0-9]{16}",
    )
    .entropy(3.2),
    Rule::token(
        "hubspot-token",
        "a private app token of HubSpot",
        &["pat-na1-", "pat-eu1-", "pat-na2-"],
        r"\b(pat-(?:na|eu)\d-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
    ),
];
