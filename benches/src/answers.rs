//! Answers of models, whole and as streams of events.

/// The pointers to token counts in the answers of the APIs that are common.
pub const USAGE: [&str; 31] = [
    "/usage/prompt_tokens",
    "/usage/completion_tokens",
    "/usage/total_tokens",
    "/usage/prompt_tokens_details/cached_tokens",
    "/usage/completion_tokens_details/reasoning_tokens",
    "/usage/input_tokens",
    "/usage/output_tokens",
    "/usage/input_tokens_details/cached_tokens",
    "/usage/output_tokens_details/reasoning_tokens",
    "/usage/cache_read_input_tokens",
    "/response/usage/input_tokens",
    "/response/usage/output_tokens",
    "/response/usage/total_tokens",
    "/response/usage/input_tokens_details/cached_tokens",
    "/response/usage/output_tokens_details/reasoning_tokens",
    "/message/usage/input_tokens",
    "/message/usage/output_tokens",
    "/message/usage/cache_read_input_tokens",
    "/usageMetadata/promptTokenCount",
    "/usageMetadata/candidatesTokenCount",
    "/usageMetadata/totalTokenCount",
    "/usageMetadata/cachedContentTokenCount",
    "/usageMetadata/thoughtsTokenCount",
    "/usage/inputTokens",
    "/usage/outputTokens",
    "/usage/totalTokens",
    "/usage/cacheReadInputTokens",
    "/delta/usage/tokens/input_tokens",
    "/delta/usage/tokens/output_tokens",
    "/prompt_eval_count",
    "/eval_count",
];

const WORDS: [&str; 8] = [
    " the",
    " gateway",
    ",\\n",
    " routes",
    " each",
    " caf\u{e9}",
    " \\\"model\\\"",
    ".",
];

/// So many events of OpenAI's chat completions, 275 bytes or so each, the usage in the last.
pub fn openai(events: usize) -> Vec<u8> {
    let head = r#"{"id":"chatcmpl-C8Ho3lQvCmwbBYOyPfmYnTQzBYFJr","object":"chat.completion.chunk","created":1764413534,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_cbf1785567","#;
    let mut stream = String::new();
    for word in WORDS.iter().cycle().take(events.saturating_sub(1)) {
        stream += &format!(
            "data: {head}\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\"finish_reason\":null}}],\"usage\":null}}\n\n"
        );
    }
    let usage = r#""choices":[],"usage":{"prompt_tokens":19,"completion_tokens":199,"total_tokens":218,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#;
    stream += &format!("data: {head}{usage}\n\ndata: [DONE]\n\n");
    stream.into_bytes()
}

/// So many events of Anthropic's messages.
pub fn anthropic(events: usize) -> Vec<u8> {
    let mut stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"claude-sonnet-4-5\",\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n".to_owned();
    for word in WORDS.iter().cycle().take(events.saturating_sub(3)) {
        stream += &format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
        );
    }
    stream += "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":197}}\n\n";
    stream += "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    stream.into_bytes()
}

/// A chat completion of about so many bytes, the usage last.
pub fn completion(bytes: usize) -> Vec<u8> {
    let text: String = WORDS.iter().cycle().take(bytes / 8).copied().collect();
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":19,"completion_tokens":199,"total_tokens":218,"prompt_tokens_details":{{"cached_tokens":0}}}}}}"#
    )
    .into_bytes()
}
