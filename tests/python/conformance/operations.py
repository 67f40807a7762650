"""Which operations the embedded AWS knows: it is asked for every one that AWS describes, in an account of its own."""

import http.client
import json
import re
import urllib.parse

from botocore.model import OperationModel, ServiceModel

from . import model

UNKNOWN = "UnknownOperationException"
ACCOUNT = "999999999999"


def known(endpoint: str) -> set[str]:
    """The operations that are answered in any other way than as unknown, as `service.Operation`."""
    address = urllib.parse.urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    found: set[str] = set()
    for signing_name, name in model.SERVICES.items():
        service = model.description(signing_name)
        for operation in service.operation_names:
            if _answers(connection, signing_name, service, service.operation_model(operation)):
                found.add(f"{name}.{operation}")
    return found


def _answers(
    connection: http.client.HTTPConnection, signing_name: str, service: ServiceModel, operation: OperationModel
) -> bool:
    scope = f"Credential={ACCOUNT}/20260101/eu-central-1/{signing_name}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}
    method, path, body = "POST", "/", "{}"
    if "json" in service.metadata.get("protocols", []):
        headers["X-Amz-Target"] = f"{service.metadata['targetPrefix']}.{operation.name}"
    elif service.metadata["protocol"] == "query":
        body = urllib.parse.urlencode({"Action": operation.name, "Version": service.metadata["apiVersion"]})
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    else:
        method = operation.http["method"]
        path = re.sub(r"\{[^}]*\}", "probe", operation.http["requestUri"])
        body = json.dumps({}) if method in ("PUT", "POST") else ""
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    response.read()
    return response.getheader("x-amzn-errortype") != UNKNOWN
