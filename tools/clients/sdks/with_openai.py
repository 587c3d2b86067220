"""OpenAI's SDK."""

import httpx2
import openai

from trials import Sdk

SPEECH = b"\x00\r\n--speech" * 20_000
LINES = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o"}}\n'


def connect(address, http=None):
    client = httpx2.Client(timeout=30, **(http or {}))
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, http_client=client)


sdk = Sdk(
    connect,
    connect_http2=connect,
    errors={
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        413: openai.APIStatusError,
        429: openai.RateLimitError,
    },
    status=lambda error: error.status_code,
)


def user(prompt):
    return [{"role": "user", "content": prompt}]


@sdk.call("gpt-4o")
def chat(client, model, prompt="hi"):
    answer = client.chat.completions.create(model=model, messages=user(prompt))
    return answer.choices[0].message.content


@sdk.stream("gpt-4o")
def chat_stream(client, model):
    with client.chat.completions.create(model=model, messages=user("hi"), stream=True) as chunks:
        for chunk in chunks:
            yield chunk.choices[0].delta.content


@sdk.call("gpt-4o")
def completion(client, model):
    return client.completions.create(model=model, prompt="hi").choices[0].text


@sdk.stream("gpt-4o")
def completion_stream(client, model):
    with client.completions.create(model=model, prompt="hi", stream=True) as chunks:
        for chunk in chunks:
            yield chunk.choices[0].text


@sdk.call("gpt-4o")
def response(client, model):
    return client.responses.create(model=model, input="hi").output_text


@sdk.stream("gpt-4o")
def response_stream(client, model):
    with client.responses.create(model=model, input="hi", stream=True) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta


@sdk.call("text-embedding-3-small")
def embeddings(client, model):
    answer = client.embeddings.create(model=model, input=["hi"])
    assert answer.data[0].embedding == [0.5], answer


@sdk.call("whisper-1", cluster="audio")
def transcription(client, model):
    return client.audio.transcriptions.create(model=model, file=("a.mp3", SPEECH)).text


@sdk.call("gpt-image-1")
def image_edit(client, model):
    answer = client.images.edit(model=model, image=("a.png", SPEECH, "image/png"), prompt="a hat")
    assert answer.data[0].b64_json == "aGk=", answer


@sdk.call(None)
def file_upload(client, _):
    assert client.files.create(file=("batch.jsonl", LINES), purpose="batch").id == "file-1"


@sdk.call(None)
def file_content(client, _):
    assert client.files.content("file-1").read() == b'{"custom_id": "1"}\n'


@sdk.call(None)
def file_delete(client, _):
    assert client.files.delete("file-1").deleted


@sdk.call(None)
def batch(client, _):
    made = client.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert made.id == "batch_1", made


@sdk.call(None)
def batch_cancel(client, _):
    assert client.batches.cancel("batch_1").id == "batch_1"


@sdk.call(None)
def moderation(client, _):
    assert not client.moderations.create(input="hi").results[0].flagged


@sdk.call("gpt-4o-mini")
def fine_tuning(client, model):
    job = client.fine_tuning.jobs.create(model=model, training_file="file-1")
    assert (job.id, job.model) == ("ftjob-1", model), job


@sdk.call(None)
def models(client, _):
    assert [model.id for model in client.models.list()] == ["gpt-4o"]


@sdk.call("whisper-1", cluster="audio")
def model_of_audio(client, model):
    assert client.models.retrieve(model).id == model


@sdk.llm_gateway("gpt-4o", cluster="hosted")
def hosted_chat(client, model):
    return chat(client, model)


@sdk.llm_gateway("gpt-4o", cluster="hosted")
def hosted_chat_stream(client, model):
    yield from chat_stream(client, model)


@sdk.llm_gateway("llama-3.3", cluster="local")
def local_chat_stream(client, model):
    # The event of usage, which has no choice, is not for a client that did not ask for it.
    yield from chat_stream(client, model)


@sdk.llm_gateway("whisper-1", cluster="local")
def local_transcription(client, model):
    return transcription(client, model)


@sdk.llm_gateway("gpt-4o", cluster="hosted")
def hosted_response(client, model):
    return response(client, model)


@sdk.llm_gateway("gpt-4o", cluster="hosted")
def hosted_response_stream(client, model):
    yield from response_stream(client, model)


sdk.play()
