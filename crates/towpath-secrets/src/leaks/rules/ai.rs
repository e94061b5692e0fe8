//! Model providers.

use super::super::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::token(
        "openai-key",
        "an API key of OpenAI",
        &["sk-proj-", "sk-svcacct-", "sk-admin-", "t3blbkfj"],
        r"\b(sk-(?:(?:proj|svcacct|admin)-[\w-]{20,100}T3BlbkFJ[\w-]{20,100}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}))",
    )
    .critical()
    .entropy(3.5),
    Rule::token(
        "anthropic-key",
        "an API key of Anthropic",
        &["sk-ant-"],
        r"\b(sk-ant-(?:api|admin|oat)\d\d-[\w-]{80,120})",
    )
    .critical()
    .entropy(3.5),
    Rule::token("openrouter-key", "an API key of OpenRouter", &["sk-or-v1-"], r"\b(sk-or-v1-[a-f0-9]{64})\b"),
    Rule::token(
        "hugging-face-token",
        "a token of Hugging Face",
        &["hf_", "api_org_"],
        r"\b(hf_[A-Za-z]{34}|api_org_[A-Za-z]{34})\b",
    )
    .entropy(3.0),
    Rule::token("replicate-token", "a token of Replicate", &["r8_"], r"\b(r8_[A-Za-z0-9]{37})\b").entropy(3.0),
    Rule::token("groq-key", "an API key of Groq", &["gsk_"], r"\b(gsk_[A-Za-z0-9]{52})\b").entropy(3.0),
    Rule::token("perplexity-key", "an API key of Perplexity", &["pplx-"], r"\b(pplx-[A-Za-z0-9]{48})\b").entropy(3.0),
    Rule::token("xai-key", "an API key of xAI", &["xai-"], r"\b(xai-[A-Za-z0-9]{80})\b").entropy(3.0),
    Rule::token(
        "langsmith-key",
        "an API key of LangSmith",
        &["lsv2_"],
        r"\b(lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})\b",
    ),
    Rule::token("pinecone-key", "an API key of Pinecone", &["pcsk_"], r"\b(pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63})\b"),
    Rule::assigned(
        "elevenlabs-key",
        "an API key of ElevenLabs",
        &["eleven", "xi-api-key", "xi_api_key"],
        r"eleven[\w.-]{0,16}key|xi[_-]api[_-]key",
        r"sk_[a-f0-9]{48}",
    ),
    Rule::assigned("mistral-key", "an API key of Mistral", &["mistral"], r"mistral[\w.-]{0,8}key", r"[A-Za-z0-9]{32}")
        .entropy(3.5),
    Rule::assigned(
        "cohere-key",
        "an API key of Cohere",
        &["cohere", "co_api_key"],
        r"cohere[\w.-]{0,8}(?:key|token)|co_api_key",
        r"[A-Za-z0-9]{40}",
    )
    .entropy(3.5),
    Rule::assigned(
        "deepseek-key",
        "an API key of DeepSeek",
        &["deepseek"],
        r"deepseek[\w.-]{0,8}key",
        r"sk-[a-f0-9]{32}",
    ),
];
