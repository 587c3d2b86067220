//! The examples of the page.

use serde::Serialize;

use super::play::Playground;

/// A story, as the page offers it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Example {
    pub(super) title: &'static str,
    pub(super) config: &'static str,
    pub(super) request: &'static str,
    pub(super) response: &'static str,
}

impl From<Example> for Playground {
    fn from(example: Example) -> Self {
        Self {
            config: example.config.to_owned(),
            at: None,
            request: example.request.to_owned(),
            response: example.response.to_owned(),
        }
    }
}

/// A chat that most examples play.
const CHAT: &str = r#"curl http://localhost:10000/v1/chat/completions \
  -H 'content-type: application/json' \
  -d '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}'
"#;

/// A stream as OpenAI sends it, with its usage.
const STREAM: &str = r#"HTTP/1.1 200 OK
content-type: text/event-stream

data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hel"}}]}

data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"lo"}}]}

data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10}}

data: [DONE]

"#;

/// A whole answer.
const ANSWER: &str = r#"status: 200
json:
  id: c1
  model: gpt-4o-2024-08-06
  choices: [{index: 0, message: {role: assistant, content: Hello}}]
  usage: {prompt_tokens: 8, completion_tokens: 2, total_tokens: 10}
"#;

/// Every example, the simplest first. Tests play each.
pub(super) fn all() -> [Example; 15] {
    let example = |title, config, request, response| Example {
        title,
        config,
        request,
        response,
    };
    [
        example(
            "Route on the model",
            "request:\n  extract:\n  - header: x-gateway-model-name   # routes match on it\n",
            CHAT,
            "",
        ),
        example(
            "Aliases and a default",
            "request:\n  extract:\n  - header: x-gateway-model-name\n    default: llama-3.3\n    aliases:\n    - {match: 'gpt-4o*', value: gpt-4o}\n    - {match: fast, value: gpt-4o-mini}\n",
            "path: /v1/chat/completions\njson: {model: gpt-4o-2024-08-06, messages: []}\n",
            "",
        ),
        example(
            "404 for a model that is not served",
            "request:\n  onFailure: reject\n  extract:\n  - header: x-gateway-model-name\n    onMissing: reject\n  reject:\n  - when: \"!(extracted.model in ['gpt-4o', 'llama-3.3'])\"\n    status: 404\n    code: model_not_found\n    message: \"The model {{ extracted.model }} does not exist\"\n",
            "path: /v1/chat/completions\njson: {model: gpt-5, messages: []}\n",
            "",
        ),
        example(
            "The model of an upload",
            "request:\n  extract:\n  - header: x-gateway-model-name\n    from: [{json: /model}, {multipart: model}]\n",
            "curl http://localhost:10000/v1/audio/transcriptions -F model=whisper-1 -F language=en\n",
            "",
        ),
        example(
            "The model in the path",
            "request:\n  extract:\n  - header: x-gateway-model-name\n    from: [{json: /model}, {path: '/model/{model}/converse'}]\n",
            "path: /model/anthropic.claude-3-5-sonnet/converse\njson: {messages: []}\n",
            "",
        ),
        example(
            "A bound for max_tokens",
            "request:\n  patch:\n  - set: /max_tokens\n    cel: \"min([int(default(document.max_tokens, 1024)), 4096])\"\n",
            "path: /v1/chat/completions\njson: {model: gpt-4o, max_tokens: 100000, messages: []}\n",
            "",
        ),
        example(
            "Another name for the model, both ways",
            "request:\n  patch:\n  - {replace: /model, value: gpt-4o-2024-08-06}\nresponse:\n  patch:\n  - {replace: /model, value: our-model}\n",
            "path: /v1/chat/completions\njson: {model: our-model, stream: true, messages: []}\n",
            STREAM,
        ),
        example(
            "Tokens of an answer, streamed or not",
            "response:\n  extract:\n  - {from: [{usage: input}], metadata: {namespace: llm, key: input_tokens}}\n  - {from: [{usage: output}], metadata: {namespace: llm, key: output_tokens}}\n  - {from: [{usage: total}], metadata: {namespace: llm, key: total_tokens}}\n",
            CHAT,
            STREAM,
        ),
        example(
            "Ask a stream for its usage",
            "request:\n  patch:\n  - set: /stream_options/include_usage\n    json: 'true'\n    when: default(document.stream, false) == true\n",
            "path: /v1/chat/completions\njson: {model: gpt-4o, stream: true, messages: []}\n",
            "",
        ),
        example(
            "Leave an event out",
            "response:\n  dropEvents:\n  - has(document.usage) && size(document.choices) == 0\n",
            CHAT,
            STREAM,
        ),
        example(
            "What an answer cost",
            "request:\n  extract: [{header: x-gateway-model-name}]\nresponse:\n  extract:\n  - {name: total, from: [{usage: total}]}\n  dynamicMetadata:\n  - namespace: llm\n    key: cost\n    value:\n      cel: \"double(default(extracted.total, 0)) * {'gpt-4o': 0.00001}[extracted.model]\"\n",
            CHAT,
            ANSWER,
        ),
        example(
            "A key that the client does not see",
            "request:\n  remove: [authorization]\n  set:\n  - {name: x-api-key, value: \"{% if request_header('x-tenant') == 'a' %}key-of-a{% else %}key-of-others{% endif %}\"}\n",
            "path: /v1/chat/completions\nheaders: {authorization: Bearer client, x-tenant: a}\njson: {model: gpt-4o, messages: []}\n",
            "",
        ),
        example(
            "A claim of a token, checked before",
            "request:\n  extract:\n  - name: tenant\n    from: [{cel: \"request.headers.authorization.startsWith('Bearer ') ? unvalidatedJwtPayload(request.headers.authorization.stripPrefix('Bearer ')).tenant : null\"}]\n    header: x-tenant\n    onMissing: reject\n",
            "path: /v1/chat/completions\nheaders: {authorization: Bearer e30.eyJ0ZW5hbnQiOiJhIn0.x}\njson: {model: gpt-4o, messages: []}\n",
            "",
        ),
        example(
            "A body by a Jinja template",
            "request:\n  onFailure: continue\n  body:\n    value: '{\"prompt\": {{ cel(\"toJson(json(request.body).messages[0].content)\") }}, \"user\": \"{{ raw_string(request_header(\"x-user\")) }}\"}'\n  set:\n  - {name: ':path', value: /v1/completions}\n",
            CHAT,
            "",
        ),
        example(
            "A body that is no JSON",
            "request:\n  onFailure: reject\n  extract:\n  - {header: x-gateway-model-name, onInvalid: reject}\n",
            "path: /v1/chat/completions\nheaders: {content-type: application/json}\nbody: '{\"model\": \"gpt-4o\", '\n",
            "",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Playground, all};

    #[test]
    fn every_example_is_played_without_a_finding() {
        for example in all() {
            let played = serde_json::to_value(Playground::from(example).play()).unwrap();
            let title = example.title;
            assert_eq!(played["findings"], serde_json::json!([]), "{title}");
            assert!(played["error"].is_null(), "{title}: {}", played["error"]);
            let transcript = &played["exchange"]["filters"][0];
            let is_quiet = transcript["request"]["outcome"] == "unchanged"
                && transcript["metadata"] == serde_json::json!([]);
            let response = &transcript["response"]["outcome"];
            assert!(
                !is_quiet || response == "changed",
                "{title} shows nothing: {transcript}"
            );
        }
    }
}
