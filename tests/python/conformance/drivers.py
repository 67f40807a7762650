"""The clients that drive scenarios: boto3, and the AWS CLI in this process."""

import base64
import contextlib
import datetime
import io
import json
import os
import pathlib
import re
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel, Shape

from .scenario import Outcome


def plain(value: Any) -> Any:
    """An answer in plain JSON."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat()
        case dict():
            return {key: plain(entry) for key, entry in value.items()}
        case list():
            return [plain(entry) for entry in value]
    return value


def _blobs(shape: Shape | None, value: Any) -> Any:
    """Parameters with their blobs as bytes."""
    match shape.type_name if shape else None, value:
        case "blob", str():
            return base64.b64decode(value)
        case "structure", dict():
            return {name: _blobs(shape.members.get(name), entry) for name, entry in value.items()}
        case "list", list():
            return [_blobs(shape.member, entry) for entry in value]
        case "map", dict():
            return {name: _blobs(shape.value, entry) for name, entry in value.items()}
    return value


class Boto3:
    """boto3, whose own checks of parameters are off: wrong ones are for the service to refuse."""

    name = "boto3"

    def __init__(self, endpoint: str, account: str) -> None:
        self.account = account
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="not-checked")

    def client(self, service: str, region: str) -> Any:
        """The client of a service in a Region."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(
                service,
                region_name=region,
                endpoint_url=self._endpoint,
                config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=20),
            )
        return self._clients[service, region]

    def call(self, service: str, operation: str, params: dict[str, Any], region: str) -> Outcome:
        """Makes a call."""
        client = self.client(service, region)
        model = client.meta.service_model.operation_model(operation)
        try:
            answer = getattr(client, xform_name(operation))(**_blobs(model.input_shape, params))
        except ClientError as error:
            told = error.response["Error"]
            return Outcome(error=told.get("Code", ""), message=told.get("Message", ""))
        except BotoCoreError as error:
            return Outcome(error=type(error).__name__, message=str(error))
        answer.pop("ResponseMetadata", None)
        return Outcome(plain(answer))


class Cli:
    """The AWS CLI: its own code, called in this process, for a process a call would take minutes."""

    name = "aws"
    REFUSED = re.compile(r"An error occurred \((?P<code>[^)]*)\) when calling the \w+ operation[^:]*: ?(?P<message>.*)", re.S)

    def __init__(self, endpoint: str, account: str, scratch: pathlib.Path) -> None:
        from awscli.clidriver import create_clidriver

        self.account = account
        self._endpoint = endpoint
        self._scratch = scratch
        config = scratch / "aws-config"
        config.write_text("[default]\nparameter_validation = false\nmax_attempts = 1\nretry_mode = standard\n")
        os.environ.update(
            AWS_ACCESS_KEY_ID=account,
            AWS_SECRET_ACCESS_KEY="not-checked",
            AWS_CONFIG_FILE=str(config),
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS="1",
        )
        self._driver = create_clidriver()
        self._models = botocore.session.get_session()

    def call(self, service: str, operation: str, params: dict[str, Any], region: str) -> Outcome:
        """Makes a call: `aws SERVICE OPERATION --cli-input-json ...`, and blobs from files."""
        model = self._models.get_service_model(service).operation_model(operation)
        arguments = [service, xform_name(operation, "-"), "--endpoint-url", self._endpoint, "--region", region]
        arguments += ["--output", "json", "--no-paginate", *self._inputs(model, params)]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = self._driver.main(arguments)
        if code == 0:
            return Outcome(json.loads(out.getvalue() or "{}"))
        if refused := self.REFUSED.search(err.getvalue()):
            return Outcome(error=refused["code"], message=refused["message"].strip())
        return Outcome(error=f"exit {code}", message=err.getvalue().strip())

    def _inputs(self, model: OperationModel, params: dict[str, Any]) -> list[str]:
        """Parameters as the CLI takes them. It reads blobs only from arguments."""
        members = model.input_shape.members if model.input_shape else {}
        blobs = {name for name in params if name in members and members[name].type_name == "blob"}
        inputs: list[str] = []
        for name in sorted(blobs):
            file = self._scratch / name
            file.write_bytes(base64.b64decode(params[name]))
            inputs += [f"--{xform_name(name, '-')}", f"fileb://{file}"]
        rest = {name: value for name, value in params.items() if name not in blobs}
        return [*inputs, "--cli-input-json", json.dumps(rest)] if rest else inputs
