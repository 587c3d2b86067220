"""AWS's SDK, to Bedrock. It speaks HTTP/1.1 only."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from trials import AT_ONCE, Sdk


def connect(address):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=address,
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(
            read_timeout=30,
            max_pool_connections=AT_ONCE,
            retries={"total_max_attempts": 1},
            # Of this machine, for others.
            proxies={},
        ),
    )


known = connect("http://127.0.0.1").exceptions

sdk = Sdk(
    connect,
    errors={
        400: ClientError,
        404: known.ResourceNotFoundException,
        413: ClientError,
        429: known.ThrottlingException,
    },
    status=lambda error: error.response["ResponseMetadata"]["HTTPStatusCode"],
    # A server may tidy this path up, to that of another model.
    unreadable="amazon.a/../b",
)


def asked(model, prompt="hi"):
    return {"modelId": model, "messages": [{"role": "user", "content": [{"text": prompt}]}]}


@sdk.call("amazon.nova-lite-v1:0")
def converse(client, model, prompt="hi"):
    return client.converse(**asked(model, prompt))["output"]["message"]["content"][0]["text"]


@sdk.stream("amazon.nova-lite-v1:0")
def converse_stream(client, model):
    stream = client.converse_stream(**asked(model))["stream"]
    try:
        for event in stream:
            yield event.get("contentBlockDelta", {}).get("delta", {}).get("text")
    finally:
        stream.close()


@sdk.call("anthropic.claude-sonnet-4-5-20250929-v1:0")
def invoke(client, model):
    answer = client.invoke_model(modelId=model, body=b'{"messages": [], "max_tokens": 9}')
    assert b"was asked" in answer["body"].read()


sdk.play()
