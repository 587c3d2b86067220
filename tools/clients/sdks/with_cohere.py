"""Cohere's SDK, version 2 of the API."""

import cohere
import httpx
from cohere.core.api_error import ApiError

from trials import Sdk


def connect(address, http=None):
    client = httpx.Client(timeout=30, **(http or {}))
    return cohere.ClientV2(api_key="none", base_url=address, httpx_client=client, max_retries=0)


sdk = Sdk(
    connect,
    connect_http2=connect,
    errors={
        400: cohere.BadRequestError,
        404: cohere.NotFoundError,
        413: ApiError,
        429: cohere.TooManyRequestsError,
    },
    status=lambda error: error.status_code,
)


def user(prompt):
    return [{"role": "user", "content": prompt}]


@sdk.call("command-a-03-2025")
def chat(client, model, prompt="hi"):
    return client.chat(model=model, messages=user(prompt)).message.content[0].text


@sdk.stream("command-a-03-2025")
def chat_stream(client, model):
    for event in client.chat_stream(model=model, messages=user("hi")):
        if event.type == "content-delta":
            yield event.delta.message.content.text


@sdk.call("embed-v4.0")
def embeddings(client, model):
    answer = client.embed(model=model, texts=["hi"], input_type="search_query", embedding_types=["float"])
    assert answer.embeddings.float_ == [[0.5]], answer


sdk.play()
