"""A recording of `serve --record` or `World::tap`: one exchange a line."""

import base64
import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A request or a response: its headers, in lower case, and its body."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Exchange:
    """What was asked, and what was answered; no response at all is an answer that was lost."""

    line: int
    service: str
    method: str
    path: str
    query: str
    request: Message
    status: int | None
    response: Message | None


def read(path: pathlib.Path) -> Iterator[Exchange]:
    """The exchanges of a recording, in their order."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            yield exchange(number, json.loads(line))


def exchange(number: int, told: dict) -> Exchange:
    """One exchange from its line."""
    request, response = told["request"], told["response"]
    return Exchange(
        line=number,
        service=told["service"],
        method=request["method"],
        path=request["path"],
        query=request["query"],
        request=_message(request),
        status=response and response["status"],
        response=response and _message(response),
    )


def _message(told: dict) -> Message:
    body = told["body"].encode() if "body" in told else base64.b64decode(told["body_base64"])
    return Message(told["headers"], body)
