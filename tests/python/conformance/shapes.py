"""Whether a document has the shape that AWS's description of a service gives it.

Documents come as their protocol carries them; what differs between protocols is in `Notation`.
"""

import base64
import binascii
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

Problem = tuple[str, str]
"""Where in the document, with `[]` for every entry of a list and `{}` for every value of a map; and what."""


@dataclass(frozen=True)
class Notation:
    """How a protocol writes what its documents consist of."""

    timestamps: str
    """`number` (seconds since the epoch), `iso8601`, `rfc822`, or `moment` (a decoded CBOR tag)."""
    blobs_are_bytes: bool = False


JSON = Notation("number")
XML = Notation("iso8601")
CBOR = Notation("moment", blobs_are_bytes=True)


def problems(shape: Shape, value: Any, notation: Notation, at: str = "") -> Iterator[Problem]:
    """What is wrong with a value that should have this shape."""
    match shape.type_name:
        case "structure":
            yield from _structure(shape, value, notation, at)
        case "list":
            yield from _list(shape, value, notation, at)
        case "map":
            yield from _map(shape, value, notation, at)
        case "string" | "character":
            yield from _string(shape, value, at)
        case "integer" | "long":
            if isinstance(value, bool) or not isinstance(value, int):
                yield at, f"is {_kind(value)}, not an integer"
            else:
                yield from _bounds(shape, value, at, "is")
        case "float" | "double":
            special = value in ("NaN", "Infinity", "-Infinity")
            if isinstance(value, bool) or not (isinstance(value, (int, float)) or special):
                yield at, f"is {_kind(value)}, not a number"
            elif not special:
                yield from _bounds(shape, value, at, "is")
        case "boolean":
            if not isinstance(value, bool):
                yield at, f"is {_kind(value)}, not a boolean"
        case "timestamp":
            yield from _timestamp(shape, value, notation, at)
        case "blob":
            yield from _blob(shape, value, notation, at)
        case other:
            yield at, f"has the type {other}, which is not judged"


def wire_name(name: str, member: Shape) -> str:
    """What a member of a structure is called in a document."""
    return member.serialization.get("name", name)


def _structure(shape: StructureShape, value: Any, notation: Notation, at: str) -> Iterator[Problem]:
    if shape.is_document_type:
        return
    if not isinstance(value, dict):
        yield at, f"is {_kind(value)}, not a structure"
        return
    members = {
        wire_name(name, member): (name, member)
        for name, member in shape.members.items()
        if member.serialization.get("location") is None
    }
    for name in value:
        if name not in members:
            yield _join(at, name), "is unknown"
    for wire, (name, member) in members.items():
        if wire not in value:
            if name in shape.required_members:
                yield _join(at, wire), "is required and missing"
        elif value[wire] is None:
            yield _join(at, wire), "is null"
        else:
            yield from problems(member, value[wire], notation, _join(at, wire))
    if shape.is_tagged_union and len(value) != 1:
        yield at, f"is a union with {len(value)} members"


def _list(shape: ListShape, value: Any, notation: Notation, at: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield at, f"is {_kind(value)}, not a list"
        return
    yield from _bounds(shape, len(value), at, "has the length")
    for entry in value:
        yield from problems(shape.member, entry, notation, at + "[]")


def _map(shape: MapShape, value: Any, notation: Notation, at: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield at, f"is {_kind(value)}, not a map"
        return
    yield from _bounds(shape, len(value), at, "has the size")
    for key, entry in value.items():
        yield from problems(shape.key, key, notation, at + "{key}")
        yield from problems(shape.value, entry, notation, at + "{}")


def _string(shape: Shape, value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield at, f"is {_kind(value)}, not text"
        return
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield at, f"is {value!r}, none of its enum"
    yield from _bounds(shape, len(value), at, "has the length")
    pattern = _readable(shape.metadata.get("pattern"))
    if pattern and not pattern.search(value):
        yield at, f"is {value!r}, not of the pattern {pattern.pattern}"


def _timestamp(shape: Shape, value: Any, notation: Notation, at: str) -> Iterator[Problem]:
    wanted = {"unixTimestamp": "number"}.get(
        written := shape.serialization.get("timestampFormat", notation.timestamps), written
    )
    match wanted:
        case "number":
            right = isinstance(value, (int, float)) and not isinstance(value, bool)
        case "moment":
            right = isinstance(value, datetime.datetime)
        case "iso8601":
            right = isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))
        case _:
            right = isinstance(value, str) and bool(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", value))
    if not right:
        yield at, f"is {value!r}, not a moment as {wanted}"


def _blob(shape: Shape, value: Any, notation: Notation, at: str) -> Iterator[Problem]:
    if notation.blobs_are_bytes:
        if not isinstance(value, bytes):
            yield at, f"is {_kind(value)}, not bytes"
            return
        decoded = value
    else:
        try:
            decoded = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            yield at, "is not base64"
            return
    yield from _bounds(shape, len(decoded), at, "has the length")


def _bounds(shape: Shape, measure: float, at: str, what: str) -> Iterator[Problem]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and measure < least:
        yield at, f"{what} {measure}, less than {least}"
    if most is not None and measure > most:
        yield at, f"{what} {measure}, more than {most}"


def _readable(pattern: str | None) -> re.Pattern[str] | None:
    """A pattern of the description, where Python can read it: Unicode categories it cannot."""
    if pattern is None or r"\p{" in pattern:
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
