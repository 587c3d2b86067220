"""Google's SDK, to Gemini and to Vertex AI."""

from google import genai
from google.genai import errors

from trials import Sdk


class Client:
    """A client of each API."""

    def __init__(self, address, http=None):
        options = {"base_url": address, "timeout": 30_000, "client_args": http or {}}
        self.gemini = genai.Client(api_key="none", http_options=options)
        self.vertex = genai.Client(vertexai=True, api_key="none", http_options=options)


sdk = Sdk(
    Client,
    connect_http2=Client,
    errors=dict.fromkeys([400, 404, 413, 429], errors.ClientError),
    status=lambda error: error.code,
    # A server may take what follows the semicolon for no part of the name.
    unreadable="gemini;a",
)


@sdk.call("gemini-2.5-flash")
def content(client, model, prompt="hi"):
    return client.gemini.models.generate_content(model=model, contents=prompt).text


@sdk.stream("gemini-2.5-flash")
def content_stream(client, model):
    for part in client.gemini.models.generate_content_stream(model=model, contents="hi"):
        yield part.text


@sdk.call("gemini-2.5-pro")
def vertex_content(client, model):
    return client.vertex.models.generate_content(model=model, contents="hi").text


@sdk.stream("gemini-2.5-pro")
def vertex_content_stream(client, model):
    for part in client.vertex.models.generate_content_stream(model=model, contents="hi"):
        yield part.text


@sdk.call("gemini-2.5-flash")
def tokens(client, model):
    assert client.gemini.models.count_tokens(model=model, contents="hi").total_tokens == 7


sdk.play()
