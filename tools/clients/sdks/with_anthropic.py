"""Anthropic's SDK."""

import anthropic
import httpx2

from trials import Sdk


def connect(address, http=None):
    client = httpx2.Client(timeout=30, **(http or {}))
    return anthropic.Anthropic(base_url=address, api_key="none", max_retries=0, http_client=client)


sdk = Sdk(
    connect,
    connect_http2=connect,
    errors={
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        413: anthropic.APIStatusError,
        429: anthropic.RateLimitError,
    },
    status=lambda error: error.status_code,
)


def asked(model, prompt="hi"):
    return {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": prompt}]}


@sdk.call("claude-sonnet-4-5")
def message(client, model, prompt="hi"):
    return client.messages.create(**asked(model, prompt)).content[0].text


@sdk.stream("claude-sonnet-4-5")
def message_stream(client, model):
    with client.messages.stream(**asked(model)) as stream:
        yield from stream.text_stream


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_message(client, model):
    return message(client, model)


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_message_stream(client, model):
    yield from message_stream(client, model)


sdk.play()
