"""Calls of the Python clients, whole and streamed, to the address in argv[1]. Prints a line for each: its path and name.

Each answer has to arrive as the mock LLM gave it, and with the usage only where the client asked for it."""

import sys

import anthropic
import ollama
import openai

BASE = sys.argv[1]
MODEL = "gpt-4o"
TEXT = f'llm was asked for model "{MODEL}"'
MESSAGES = [{"role": "user", "content": "hi"}]

chat = openai.OpenAI(base_url=f"{BASE}/v1", api_key="none", max_retries=0)
messages = anthropic.Anthropic(base_url=BASE, api_key="none", max_retries=0)
local = ollama.Client(host=BASE)


def openai_chat():
    answer = chat.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.usage.total_tokens == 12, answer.usage
    return answer.choices[0].message.content


def openai_chat_streamed():
    chunks = list(chat.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
    assert all(chunk.choices for chunk in chunks), "an event without a choice"
    assert not any(chunk.usage for chunk in chunks), "usage that nobody asked for"
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def openai_chat_streamed_with_usage():
    chunks = list(
        chat.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    assert not chunks[-1].choices and chunks[-1].usage.total_tokens == 12, chunks[-1]
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])


def openai_responses():
    return chat.responses.create(model=MODEL, input="hi").output_text


def openai_responses_streamed():
    events = chat.responses.create(model=MODEL, input="hi", stream=True)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def anthropic_messages():
    answer = messages.messages.create(model=MODEL, messages=MESSAGES, max_tokens=99)
    assert answer.usage.output_tokens == 5, answer.usage
    return answer.content[0].text


def anthropic_messages_streamed():
    with messages.messages.stream(model=MODEL, messages=MESSAGES, max_tokens=99) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens == 5
        return text


def ollama_chat():
    return local.chat(model=MODEL, messages=MESSAGES)["message"]["content"]


def ollama_chat_streamed():
    parts = local.chat(model=MODEL, messages=MESSAGES, stream=True)
    return "".join(part["message"]["content"] for part in parts)


def ollama_generate():
    return local.generate(model=MODEL, prompt="hi")["response"]


def ollama_generate_streamed():
    parts = local.generate(model=MODEL, prompt="hi", stream=True)
    return "".join(part["response"] for part in parts)


for path, call in [
    ("/v1/chat/completions", openai_chat),
    ("/v1/chat/completions", openai_chat_streamed),
    ("/v1/chat/completions", openai_chat_streamed_with_usage),
    ("/v1/responses", openai_responses),
    ("/v1/responses", openai_responses_streamed),
    ("/v1/messages", anthropic_messages),
    ("/v1/messages", anthropic_messages_streamed),
    ("/api/chat", ollama_chat),
    ("/api/chat", ollama_chat_streamed),
    ("/api/generate", ollama_generate),
    ("/api/generate", ollama_generate_streamed),
]:
    text = call()
    assert text == TEXT, f"{call.__name__}: {text!r}"
    print(path, call.__name__, flush=True)
