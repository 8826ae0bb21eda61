"""What schemathesis cannot know from the document: things that are there, what the run itself stands on, and streams."""

import atexit
import base64
import json
import os
from collections import Counter
from pathlib import Path

import schemathesis

# For each path of the document, what its placeholders may be filled with (tests/it/clients/fuzz.rs).
KNOWN = json.loads(Path(os.environ["FUZZ_KNOWN"]).read_text())
# How long an event stream is listened to, in seconds.
STREAM = 0.3
STATUSES = Counter()


def own_ids():
    """The account and the session of the run, from the claims of its access token."""
    token = os.environ.get("FUZZ_TOKEN")
    if not token:
        return set()
    claims = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return {claims["sub"], claims["sid"]}


OWN = own_ids()


def is_stream(response):
    return "text/event-stream" in response.get("content", {})


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The document says of a stream that it is text, as OpenAPI 3.1 has it; schemathesis takes that for each event's shape."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                if is_stream(response):
                    response["content"]["text/event-stream"].pop("schema", None)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the requests are about things that exist: a random id is not found, and nothing behind it is tried."""
    known = KNOWN.get(context.operation.path)
    if known and path_parameters and sum(map(ord, str(path_parameters))) % 2 == 0:
        return {**path_parameters, **known}
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    # Ids come out of other answers, too. Nobody ends the session or suspends the account that the run calls with.
    for name, value in (case.path_parameters or {}).items():
        if value in OWN:
            case.path_parameters[name] = "00000000-0000-7000-8000-000000000000"
    # Streams go on until somebody leaves.
    responses = case.operation.definition.raw.get("responses", {})
    if any(map(is_stream, responses.values())):
        kwargs["timeout"] = STREAM


@schemathesis.hook
def after_call(context, case, response):
    STATUSES[response.status_code] += 1


@atexit.register
def tell():
    Path(os.environ["FUZZ_STATUSES"]).write_text(json.dumps(STATUSES))
