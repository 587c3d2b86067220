"""Mistral's SDK."""

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from trials import Sdk


def connect(address, http=None):
    client = httpx2.Client(timeout=30, **(http or {}))
    return Mistral(api_key="none", server_url=address, client=client)


sdk = Sdk(
    connect,
    connect_http2=connect,
    errors=dict.fromkeys([400, 404, 413, 429], SDKError),
    status=lambda error: error.status_code,
)


def user(prompt):
    return [{"role": "user", "content": prompt}]


@sdk.call("mistral-small-latest")
def chat(client, model, prompt="hi"):
    return client.chat.complete(model=model, messages=user(prompt)).choices[0].message.content


@sdk.stream("mistral-small-latest")
def chat_stream(client, model):
    with client.chat.stream(model=model, messages=user("hi")) as events:
        for event in events:
            yield event.data.choices[0].delta.content


@sdk.call("mistral-small-latest")
def fill_in_the_middle(client, model):
    answer = client.fim.complete(model=model, prompt="def f(", suffix="return a")
    return answer.choices[0].message.content


@sdk.call("mistral-embed")
def embeddings(client, model):
    answer = client.embeddings.create(model=model, inputs=["hi"])
    assert answer.data[0].embedding == [0.5], answer


@sdk.call(None)
def file_upload(client, _):
    file = {"file_name": "batch.jsonl", "content": b'{"custom_id": "1", "body": {}}\n'}
    assert client.files.upload(file=file, purpose="batch").id == "file-1"


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_chat(client, model):
    return chat(client, model)


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_chat_stream(client, model):
    yield from chat_stream(client, model)


sdk.play()
