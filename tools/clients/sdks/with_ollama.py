"""Ollama's SDK."""

import ollama

from trials import Sdk


def connect(address, http=None):
    return ollama.Client(host=address, timeout=30, **(http or {}))


sdk = Sdk(
    connect,
    connect_http2=connect,
    errors=dict.fromkeys([400, 404, 413, 429], ollama.ResponseError),
    status=lambda error: error.status_code,
    # No header can carry it. The SDK itself refuses a call without a model.
    unreadable="llama\n3",
)


def user(prompt):
    return [{"role": "user", "content": prompt}]


@sdk.call("llama3.2")
def chat(client, model, prompt="hi"):
    return client.chat(model=model, messages=user(prompt)).message.content


@sdk.stream("llama3.2")
def chat_stream(client, model):
    for part in client.chat(model=model, messages=user("hi"), stream=True):
        yield part.message.content


@sdk.call("llama3.2")
def generate(client, model):
    return client.generate(model=model, prompt="hi").response


@sdk.stream("llama3.2")
def generate_stream(client, model):
    for part in client.generate(model=model, prompt="hi", stream=True):
        yield part.response


@sdk.call("llama3.2")
def embeddings(client, model):
    assert client.embed(model=model, input="hi").embeddings == [[0.5]]


sdk.play()
