"""Judging exchanges by AWS's own descriptions of its services, as botocore carries them.

Of an answered request everything is judged: what the service took must be what its description allows. Of a refused
one only where it goes, for tests ask wrong things on purpose.
"""

import functools
import json
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from errors import STATUSES

from . import protocols, shapes
from .recording import Exchange, Message

SERVICES = {
    "application-autoscaling": "application-autoscaling",
    "backup": "backup",
    "dynamodb": "dynamodb",
    "events": "events",
    "iam": "iam",
    "kms": "kms",
    "lambda": "lambda",
    "monitoring": "cloudwatch",
    "sqs": "sqs",
    "sts": "sts",
    "tagging": "resourcegroupstaggingapi",
}
"""Signing names, and what botocore calls the service."""

COMMON_ERRORS = {
    "AccessDenied": {400, 403},
    "AccessDeniedException": {400, 403},
    "InternalFailure": {500},
    "InvalidAction": {400},
    "InvalidParameterValue": {400},
    "MissingParameter": {400},
    "SerializationException": {400},
    "ServiceUnavailable": {503},
    "Throttling": {400},
    "ThrottlingException": {400, 429},
    "UnknownOperationException": {400, 404},
    "ValidationError": {400},
    "ValidationException": {400},
}
"""Errors that AWS documents for every operation of a service ("Common Errors"), and their statuses."""

CONTENT_TYPES = {
    "rest-json": "application/json",
    "query": "text/xml",
    "smithy-rpc-v2-cbor": "application/cbor",
}

NOTATIONS = {"query": shapes.XML, "smithy-rpc-v2-cbor": shapes.CBOR}


@dataclass(frozen=True)
class Finding:
    """Something that is not as AWS describes it."""

    service: str
    operation: str
    side: str
    """`request` or `response`."""
    member: str
    problem: str
    line: int

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} {self.side} {self.member or '(whole)'} {self.problem} (line {self.line})"


@functools.cache
def description(signing_name: str) -> ServiceModel:
    """AWS's description of a service."""
    return _session().get_service_model(SERVICES[signing_name])


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def protocol_of(service: ServiceModel, exchange: Exchange) -> str:
    """The protocol in which a request speaks."""
    if exchange.request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in exchange.request.headers:
        return "json"
    return "rest-json" if service.metadata["protocol"] == "rest-json" else "query"


def operation_of(service: ServiceModel, exchange: Exchange) -> tuple[OperationModel, dict[str, str]] | None:
    """The operation that a request asks for, and the labels of its path."""
    headers = exchange.request.headers
    match protocol_of(service, exchange):
        case "rest-json":
            return protocols.route(service, exchange.method, exchange.path)
        case "json":
            prefix, _, name = headers["x-amz-target"].rpartition(".")
            right = prefix == service.metadata["targetPrefix"] and (exchange.method, exchange.path) == ("POST", "/")
        case "smithy-rpc-v2-cbor":
            _, _, name = exchange.path.rpartition("/operation/")
            right = exchange.method == "POST" and exchange.path.startswith("/service/")
        case _:
            fields = _form(exchange)
            name = fields.get("Action", "")
            right = fields.get("Version") == service.metadata["apiVersion"]
    return (service.operation_model(name), {}) if right and name in service.operation_names else None


def judge(exchange: Exchange) -> Iterator[Finding]:
    """What is wrong with an exchange."""
    if exchange.service not in SERVICES:
        yield Finding(exchange.service, "?", "request", "", "goes to an unknown service", exchange.line)
        return
    service = description(exchange.service)
    found = operation_of(service, exchange)
    if found is None:
        asked = exchange.request.headers.get("x-amz-target") or f"{exchange.method} {exchange.path}"
        yield Finding(exchange.service, "?", "request", "", f"asks for no operation: {asked}", exchange.line)
        return
    operation, labels = found

    def finding(side: str, problem: shapes.Problem) -> Finding:
        return Finding(exchange.service, operation.name, side, problem[0], problem[1], exchange.line)

    protocol = protocol_of(service, exchange)
    if protocol not in service.metadata.get("protocols", [service.metadata["protocol"]]):
        yield finding("request", ("", f"speaks {protocol}, which the service does not"))
    if exchange.response is None or exchange.status is None:
        return
    try:
        if exchange.status < 300:
            for problem in _request(operation, protocol, exchange, labels):
                yield finding("request", problem)
            for problem in _answer(operation, protocol, exchange.status, exchange.response):
                yield finding("response", problem)
        else:
            for problem in _refusal(operation, protocol, exchange.status, exchange.response):
                yield finding("response", problem)
    except (ValueError, ElementTree.ParseError, KeyError) as error:
        yield finding("response", ("", f"cannot be read: {error!r}"))


def _request(
    operation: OperationModel, protocol: str, exchange: Exchange, labels: dict[str, str]
) -> Iterator[shapes.Problem]:
    shape, body = operation.input_shape, exchange.request.body
    match protocol:
        case "rest-json":
            yield from _rest_request(operation, exchange, labels)
        case "query":
            document, unknown = protocols.form(shape, _form(exchange))
            yield from ((field, "is unknown") for field in sorted(unknown))
            if shape:
                yield from shapes.problems(shape, document, shapes.XML)
        case "smithy-rpc-v2-cbor":
            yield from _document(shape, protocols.cbor(body) if body else {}, shapes.CBOR)
        case _:
            sent = exchange.request.headers.get("content-type")
            wanted = f"application/x-amz-json-{operation.service_model.metadata['jsonVersion']}"
            if sent != wanted:
                yield "", f"has the content type {sent}, not {wanted}"
            yield from _document(shape, json.loads(body or b"{}"), shapes.JSON)


def _rest_request(operation: OperationModel, exchange: Exchange, labels: dict[str, str]) -> Iterator[shapes.Problem]:
    """A request in REST: labels, query string, headers and body are each a part of one structure."""
    shape = operation.input_shape
    query: dict[str, list[str]] = urllib.parse.parse_qs(exchange.query, keep_blank_values=True)
    if shape is None:
        if query or exchange.request.body:
            yield "", "carries something, and the operation takes nothing"
        return
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        wire, sent = shapes.wire_name(name, member), None
        match member.serialization.get("location"):
            case "uri":
                sent = labels.get(wire)
            case "querystring":
                values = query.pop(wire, None)
                if values is not None:
                    sent = values if member.type_name == "list" else values[0]
            case "header":
                sent = exchange.request.headers.get(wire.lower())
            case _:
                continue
        if sent is not None:
            value = sent if isinstance(sent, list) else protocols.typed(member, sent)
            yield from shapes.problems(member, value, shapes.XML, name)
        elif name in shape.required_members:
            yield name, "is required and missing"
    yield from ((field, "is unknown in the query string") for field in query)
    if payload is None:
        yield from _document(shape, json.loads(exchange.request.body or b"{}"), shapes.JSON)


def _answer(operation: OperationModel, protocol: str, status: int, response: Message) -> Iterator[shapes.Problem]:
    wanted = operation.http.get("responseCode", 200)
    if status != wanted:
        yield "", f"has the status {status}, not {wanted}"
    yield from _headers(operation, protocol, response)
    shape = operation.output_shape
    if protocol == "query":
        yield from _xml_answer(operation, response)
    elif shape is not None and shape.serialization.get("payload"):
        # A body that is one member alone, such as what a function answers, has no shape to be judged by.
        return
    else:
        yield from _document(shape, _read(protocol, response.body), NOTATIONS.get(protocol, shapes.JSON))


def _xml_answer(operation: OperationModel, response: Message) -> Iterator[shapes.Problem]:
    root, shape = ElementTree.fromstring(response.body), operation.output_shape
    namespace = operation.service_model.metadata.get("xmlNamespace")
    if root.tag != f"{{{namespace}}}{operation.name}Response":
        yield "", f"is a {root.tag}, not a {operation.name}Response of {namespace}"
    if not root.findtext("{*}ResponseMetadata/{*}RequestId"):
        yield "ResponseMetadata.RequestId", "is missing"
    if shape is None:
        return
    result = root.find("{*}" + shape.serialization["resultWrapper"])
    if result is None:
        yield shape.serialization["resultWrapper"], "is missing"
    else:
        yield from shapes.problems(shape, protocols.xml(shape, result), shapes.XML)


def _refusal(operation: OperationModel, protocol: str, status: int, response: Message) -> Iterator[shapes.Problem]:
    yield from _headers(operation, protocol, response)
    if protocol == "query":
        error = ElementTree.fromstring(response.body).find("{*}Error")
        if error is None:
            yield "Error", "is missing"
            return
        document = {protocols.tag(child): child.text for child in error}
        code = document.get("Code") or ""
    else:
        document = _read(protocol, response.body)
        code = document.get("__type") or response.headers.get("x-amzn-errortype") or ""
        code = code.rpartition("#")[2].partition(":")[0]
        if protocol == "rest-json" and "x-amzn-errortype" not in response.headers:
            yield "x-amzn-errortype", "is missing"
    shape = _error_shape(operation, code)
    if shape is None:
        allowed = COMMON_ERRORS.get(code)
        if allowed is None:
            yield code, "is no error of this operation"
        elif status not in allowed:
            yield code, f"has the status {status}, none of {sorted(allowed)}"
        return
    told = shape.metadata.get("error", {})
    # What AWS's reference tells and its description does not.
    wanted = STATUSES.get(operation.service_model.signing_name, {}).get(code)
    if not wanted:
        wanted = 400 if protocol == "json" and not shape.metadata.get("fault") else told.get("httpStatusCode")
    wanted = wanted or (500 if shape.metadata.get("fault") else 400)
    if status != wanted:
        yield code, f"has the status {status}, not {wanted}"
    if protocol != "query":
        document.pop("__type", None)
        yield from ((f"{code}.{member}".rstrip("."), problem) for member, problem in _document(shape, document, NOTATIONS.get(protocol, shapes.JSON)))
    if "awsQueryCompatible" in operation.service_model.metadata and told.get("code"):
        compatible = response.headers.get("x-amzn-query-error")
        if compatible != f"{told['code']};Sender":
            yield code, f"has the query error {compatible}, not {told['code']};Sender"


def _error_shape(operation: OperationModel, code: str) -> StructureShape | None:
    for shape in operation.error_shapes:
        if code in (shape.name, shape.error_code):
            return shape
    return None


def _headers(operation: OperationModel, protocol: str, response: Message) -> Iterator[shapes.Problem]:
    wanted = CONTENT_TYPES.get(protocol)
    wanted = wanted or f"application/x-amz-json-{operation.service_model.metadata['jsonVersion']}"
    if response.headers.get("content-type") != wanted:
        yield "", f"has the content type {response.headers.get('content-type')}, not {wanted}"
    if "x-amzn-requestid" not in response.headers:
        yield "", "has no request id"


def _document(shape: Shape | None, document: Any, notation: shapes.Notation) -> Iterator[shapes.Problem]:
    if shape is not None:
        yield from shapes.problems(shape, document, notation)
    elif document:
        yield "", "has a body, and the operation has none"


def _read(protocol: str, body: bytes) -> Any:
    if protocol == "smithy-rpc-v2-cbor":
        return protocols.cbor(body)
    return json.loads(body) if body else {}


def _form(exchange: Exchange) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(exchange.request.body.decode(), keep_blank_values=True))


