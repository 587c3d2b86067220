"""How an SDK is tried: the same calls to a mock LLM and through Envoy, then what only a gateway has to withstand.

Each trial prints a line of JSON and waits for a line of input: meanwhile the mocks' records of it are looked at."""

import faulthandler
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import wraps
from inspect import isgeneratorfunction
from threading import Lock

AT_ONCE = 50
# The gateway holds 32 MiB.
TOO_LONG = "a" * (33 << 20)


class Sdk:
    """An SDK: `connect(address)` makes a client, and `connect_http2` one that takes options of httpx.

    `errors` maps a status to the type that the SDK raises for it, and `status` takes the status from such an error.
    `unreadable` is a model that the gateway refuses with 400; an empty one is none.
    The first call takes a prompt too. It and the first stream stand for the others where one is enough."""

    def __init__(self, connect, errors, status, connect_http2=None, unreadable=""):
        self.connect = connect
        self.connect_http2 = connect_http2
        self.errors = errors
        self.status = status
        self.unreadable = unreadable
        self.calls = []
        self.streams = []
        self.gateway = []

    def call(self, model, cluster="text"):
        """Marks a call that returns the answer's text, or None if it has looked at the answer itself."""
        return marking(self.calls, model, cluster)

    def stream(self, model, cluster="text"):
        """Marks a generator of an answer's texts, in the order in which they arrive. Empty ones are left out."""

        def mark(function):
            @wraps(function)
            def texts(client, model):
                with closing(function(client, model)) as stream:
                    yield from (text for text in stream if isinstance(text, str) and text)

            return marking(self.streams, model, cluster)(texts)

        return mark

    def llm_gateway(self, model, cluster):
        """Marks a call or a generator for the gateway of `llm-gateway.yaml`."""
        return marking(self.gateway, model, cluster)

    def play(self):
        """Makes every trial."""
        at = json.loads(sys.argv[1])
        pause = at["pause_ms"] / 1000
        direct, unified = self.connect(at["direct"]), self.connect(at["unified"])
        for call, model, cluster in self.calls:
            report("calls", "direct", cluster, call.__name__, whole, call, direct, model, "direct")
            report("calls", "unified", cluster, call.__name__, whole, call, unified, model, cluster)
        for stream, model, cluster in self.streams:
            name = stream.__name__
            report("streams", "direct", cluster, name, on_time, stream, direct, model, "direct", pause)
            report("streams", "unified", cluster, name, on_time, stream, unified, model, cluster, pause)
        self.refusals("errors", unified, "unified", [400, 404, 413, 429])
        self.leave("cancel", unified, unified)
        self.at_once("at once", "streams", lambda: unified)
        if self.connect_http2:
            self.http2(at["unified"], pause)
        if self.gateway:
            self.llm_gateway_too(self.connect(at["llm"]), pause)

    def llm_gateway_too(self, client, pause):
        """Calls the gateway of `llm-gateway.yaml`, which edits requests and events."""
        for call, model, cluster in self.gateway:
            trial = [on_time, call, client, model, cluster, pause]
            if not isgeneratorfunction(call):
                trial = [whole, call, client, model, cluster]
            report("llm-gateway", "llm", cluster, call.__name__, *trial)
        self.refusals("llm-gateway", client, "llm", [400, 404, 413])

    def refusals(self, capability, client, place, statuses):
        """Has a gateway refuse what it cannot read, does not serve or cannot hold, and a mock what is too much for it."""
        call, model, cluster = self.calls[0]
        sent = {
            400: (self.unreadable, "hi", 0),
            404: ("unknown", "hi", 0),
            413: (model, TOO_LONG, 0),
            429: (f"{model}-busy", "hi", 1),
        }

        def refused(status, model, prompt):
            try:
                call(client, model, prompt)
            except self.errors[status] as error:
                assert self.status(error) == status, f"{self.status(error)}: {error!r}"
            else:
                raise AssertionError("there was no error")

        for status in statuses:
            asked, prompt, requests = sent[status]
            report(capability, place, cluster, str(status), refused, status, asked, prompt, requests=requests)

    def leave(self, capability, client, other, leave=lambda texts: texts.close()):
        """Leaves a stream after its first text. Another call is then served."""
        call, model, cluster = self.calls[0]
        stream, streamed, _ = self.streams[0]

        def first():
            texts = stream(client, streamed)
            assert next(texts), "a stream begins without a text"
            leave(texts)

        report(capability, "unified", cluster, "leave", first, left=True)
        report(capability, "unified", cluster, "call after it", whole, call, other, model, cluster)

    def at_once(self, capability, name, client):
        """Reads many streams, each of a model of its own, with what `client` returns for each."""
        stream, model, cluster = self.streams[0]
        joined = lambda client, model: "".join(stream(client, model))

        def many():
            with ThreadPoolExecutor(AT_ONCE) as pool:
                models = [f"{model}-{number}" for number in range(AT_ONCE)]
                list(pool.map(lambda model: whole(joined, client(), model, cluster), models))

        report(capability, "unified", cluster, f"{AT_ONCE} {name}", many, requests=AT_ONCE)

    def http2(self, address, pause):
        """Does the same by HTTP/2. httpx resets no stream that is left: there its connection is closed."""
        http2 = Http2(self.connect_http2, address)
        call, model, cluster = self.calls[0]
        report("HTTP/2", "unified", cluster, "call", whole, call, http2.client, model, cluster)
        stream, model, cluster = self.streams[0]
        report("HTTP/2", "unified", cluster, "stream", on_time, stream, http2.client, model, cluster, pause)
        closed = Http2(self.connect_http2, address)
        self.leave("HTTP/2", closed.client, http2.client, lambda _: closed.disconnect())
        self.at_once("HTTP/2", "streams of one connection", lambda: http2.client)
        self.at_once("HTTP/2", "connections", lambda: Http2(self.connect_http2, address).client)
        report("HTTP/2", "unified", cluster, "no other version", http2.check, requests=0)


class Http2:
    """A client that speaks HTTP/2 with prior knowledge, on one connection.

    Of httpx, two threads that begin a stream at the same moment may send the streams' numbers in the wrong order. So the
    next begins when the last has the headers of its answer."""

    def __init__(self, connect, address):
        self.answers = []
        self.begin = Lock()
        hooks = {"request": [lambda _: self.begin.acquire()], "response": [self.begun]}
        self.client = connect(address, {"http1": False, "http2": True, "event_hooks": hooks})

    def begun(self, answer):
        self.answers.append(answer)
        self.begin.release()

    def check(self):
        """Whether no answer came by another version."""
        versions = {answer.http_version for answer in self.answers}
        assert versions == {"HTTP/2"}, versions

    def disconnect(self):
        """Closes the connection of the last answer."""
        self.answers[-1].extensions["network_stream"].close()


def marking(trials, model, cluster):
    """Adds a function to the trials, with its model and the cluster that has to get its requests."""

    def mark(function):
        trials.append((function, model, cluster))
        return function

    return mark


def whole(call, client, model, served):
    """Whether the answer's text is that of the mock called `served`."""
    text = call(client, model)
    expected = f'{served} was asked for model "{model}"'
    assert text is None or text == expected, f"{text!r} instead of {expected!r}"


def on_time(stream, client, model, served, pause):
    """The same of a stream, and whether its texts arrived as far apart as they were sent."""
    arrived = []

    def joined(client, model):
        arrived.extend((text, time.monotonic()) for text in stream(client, model))
        return "".join(text for text, _ in arrived)

    whole(joined, client, model, served)
    apart = arrived[-1][1] - arrived[0][1]
    assert len(arrived) > 1 and apart > pause / 2, f"{len(arrived)} texts within {apart:.3f} s"


def report(capability, place, cluster, name, trial, *arguments, requests=1, left=False):
    """Makes a trial, prints what became of it, and waits."""
    # It ends with a traceback if it hangs.
    faulthandler.dump_traceback_later(60, exit=True)
    started = time.monotonic()
    error = None
    try:
        trial(*arguments)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"[:500]
    line = {
        "capability": capability,
        "name": name,
        "place": place,
        "cluster": cluster,
        "requests": requests,
        "left": left,
        "error": error,
        "seconds": round(time.monotonic() - started, 3),
    }
    print(json.dumps(line), flush=True)
    faulthandler.cancel_dump_traceback_later()
    sys.stdin.readline()
