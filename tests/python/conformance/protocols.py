"""Reading bodies, paths and query strings into documents, by the description of an operation."""

import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape
from botocore.parsers import RpcV2CBORParser

from .shapes import wire_name


def cbor(body: bytes) -> Any:
    """A document from CBOR, as botocore reads it."""
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def route(service: ServiceModel, method: str, path: str) -> tuple[OperationModel, dict[str, str]] | None:
    """The REST operation of a path, and what its labels stand for. The most literal one wins."""
    asked = [part for part in path.split("/") if part]
    found: list[tuple[int, OperationModel, dict[str, str]]] = []
    for name in service.operation_names:
        operation = service.operation_model(name)
        template = [part for part in operation.http["requestUri"].split("?")[0].split("/") if part]
        if operation.http["method"] != method or len(template) != len(asked):
            continue
        pairs = list(zip(template, asked, strict=True))
        if all(part.startswith("{") or part == told for part, told in pairs):
            labels = {part[1:-1]: urllib.parse.unquote(told) for part, told in pairs if part.startswith("{")}
            found.append((len(labels), operation, labels))
    if not found:
        return None
    _, operation, labels = min(found, key=lambda entry: entry[0])
    return operation, labels


def typed(shape: Shape, text: str) -> Any:
    """A value that was sent as text: in a form, a path, a query string, a header or XML. What cannot be read stays
    text, and is then found to be of the wrong type."""
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text]
    except (ValueError, KeyError):
        pass
    return text


def form(shape: StructureShape | None, fields: dict[str, str]) -> tuple[dict[str, Any], set[str]]:
    """The document in a form of the query protocol, and the fields that belong to nothing."""
    left = set(fields) - {"Action", "Version"}

    def take(shape: Shape, prefix: str) -> Any:
        match shape.type_name:
            case "structure":
                taken = {
                    wire_name(name, member): take(member, f"{prefix}.{wire_name(name, member)}".lstrip("."))
                    for name, member in shape.members.items()
                }
                return {name: value for name, value in taken.items() if value is not None} or None
            case "list":
                if fields.get(prefix) == "":
                    left.discard(prefix)
                    return []
                entry = "" if shape.serialization.get("flattened") else f".{wire_name('member', shape.member)}"
                return list(_numbered(lambda number: take(shape.member, f"{prefix}{entry}.{number}"))) or None
            case "map":
                entry = "" if shape.serialization.get("flattened") else ".entry"
                key, value = wire_name("key", shape.key), wire_name("value", shape.value)
                pairs = _numbered(
                    lambda number: (
                        None
                        if (named := take(shape.key, f"{prefix}{entry}.{number}.{key}")) is None
                        else (named, take(shape.value, f"{prefix}{entry}.{number}.{value}"))
                    )
                )
                return dict(pairs) or None
        if prefix not in fields:
            return None
        left.discard(prefix)
        return typed(shape, fields[prefix])

    document = (take(shape, "") if shape else None) or {}
    return document, left


def _numbered(take: Callable[[int], Any]) -> Iterator[Any]:
    number = 1
    while (value := take(number)) is not None:
        yield value
        number += 1


def xml(shape: Shape, element: ElementTree.Element) -> Any:
    """The document in an element. Elements that the description does not know stay in it, under their names."""
    children = list(element)
    match shape.type_name:
        case "structure":
            document: dict[str, Any] = {}
            members = {wire_name(name, member): member for name, member in shape.members.items()}
            for child in children:
                name = tag(child)
                member = members.get(name)
                if member is not None and member.type_name == "list" and member.serialization.get("flattened"):
                    document.setdefault(name, []).append(xml(member.member, child))
                else:
                    document[name] = child.text if member is None else xml(member, child)
            return document
        case "list":
            name = wire_name("member", shape.member)
            return [xml(shape.member, child) if tag(child) == name else None for child in children]
        case "map":
            return {
                entry.findtext("{*}" + wire_name("key", shape.key)): xml(shape.value, value)
                for entry in children
                if (value := entry.find("{*}" + wire_name("value", shape.value))) is not None
            }
    return typed(shape, element.text or "")


def tag(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
