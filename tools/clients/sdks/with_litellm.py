"""LiteLLM, as a client of OpenAI's API and of Anthropic's."""

import httpx2
import litellm
from openai import OpenAI

from trials import Sdk

litellm.num_retries = 0
litellm.suppress_debug_info = True
# It counts tokens with a tokenizer that it downloads, or loads amid the first stream.
litellm.disable_hf_tokenizer_download = True
litellm.disable_token_counter = True


class Client:
    """LiteLLM has functions; what they need of a client."""

    def __init__(self, address, http=None):
        client = httpx2.Client(timeout=30, **(http or {}))
        self.openai = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, http_client=client)
        self.address = address


sdk = Sdk(
    Client,
    connect_http2=Client,
    errors={
        400: litellm.BadRequestError,
        404: litellm.NotFoundError,
        413: litellm.APIError,
        429: litellm.RateLimitError,
    },
    status=lambda error: error.status_code,
)


def ask(client, model, prompt="hi", **more):
    messages = [{"role": "user", "content": prompt}]
    own = {"client": client.openai, "api_key": "none", "max_retries": 0}
    return litellm.completion(model=f"openai/{model}", messages=messages, **own, **more)


@sdk.call("gpt-4o")
def chat(client, model, prompt="hi"):
    return ask(client, model, prompt).choices[0].message.content


@sdk.stream("gpt-4o")
def chat_stream(client, model):
    chunks = ask(client, model, stream=True)
    # LiteLLM forgets it at the stream's end.
    stream = chunks.completion_stream
    try:
        for chunk in chunks:
            yield chunk.choices[0].delta.content
    finally:
        stream.close()


@sdk.call("claude-sonnet-4-5")
def anthropic_message(client, model):
    messages = [{"role": "user", "content": "hi"}]
    answer = litellm.completion(
        model=f"anthropic/{model}", messages=messages, api_base=client.address, api_key="none"
    )
    return answer.choices[0].message.content


@sdk.call("text-embedding-3-small")
def embeddings(client, model):
    answer = litellm.embedding(model=f"openai/{model}", input=["hi"], client=client.openai, api_key="none")
    assert answer.data[0]["embedding"] == [0.5], answer


@sdk.llm_gateway("gpt-4o", cluster="hosted")
def hosted_chat(client, model):
    return chat(client, model)


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_chat_stream(client, model):
    yield from chat_stream(client, model)


sdk.play()
