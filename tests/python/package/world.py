"""Where the functions are, the embedded AWS that they run against, and AWS's emulator that runs them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import samcli
from conformance import server
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / ".aws-sam/build"
LOGS = ROOT / "target/package"
FUNCTIONS = ["session", "copy", "retention", "restore"]
STACK, SOURCE = "backup-chain", "eu-central-1"

# Seconds, for one answer.
MOST_ANSWER = 60


def bootstrap(function: str) -> Path:
    """What sam build has made of a function."""
    return BUILT / f"{function.title()}Function/bootstrap"


def client(service: str, endpoint: str, account: str) -> object:
    """A client of boto3, as the root of an account."""
    return boto3.client(
        service, endpoint_url=endpoint, region_name=SOURCE, aws_access_key_id=account, aws_secret_access_key="none"
    )


def dead(folder: Path) -> Path:
    """Functions that die at once, in a folder: nothing happens but what is asked of those that are judged."""
    for function in FUNCTIONS:
        program = folder / f"{STACK}-{function}"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    return folder


class World:
    """An embedded AWS with Backup Chain in it, by the variables that its clients need."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    @property
    def account(self) -> str:
        """The account of the deployment."""
        return self.variables["AWS_ACCESS_KEY_ID"]

    def client(self, service: str) -> object:
        """A client of it, as the root of its account."""
        return client(service, self.variables["AWS_ENDPOINT_URL"], self.account)

    def table(self, name: str) -> None:
        """Makes a table."""
        tables = self.client("dynamodb")
        tables.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        tables.get_waiter("table_exists").wait(TableName=name)

    def role(self, function: str) -> str:
        """The role of a function, by its name."""
        found = self.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}")
        return found["Role"].rpartition("/")[2]

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a function: which ones, its template says; what they are, its deployment."""
        template = yaml_parse((ROOT / "template.yaml").read_text())
        names = template["Globals"]["Function"]["Environment"]["Variables"]
        deployed = self.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}")
        # What the embedded deployment leaves to its default.
        known = {"BACKUP_CHAIN_LOG": "info"} | deployed["Environment"]["Variables"]
        if set(known) != set(names):
            differing = sorted(set(known) ^ set(names))
            raise RuntimeError(f"{function}: template and deployment do not have the same variables: {differing}")
        return known


@contextlib.contextmanager
def emulated(world: World, function: str, architecture: str) -> Iterator[str]:
    """A function under the emulator, as the SAM CLI's containers start it: where it is invoked."""
    emulator = Path(samcli.__file__).parent / f"local/rapid/aws-lambda-rie-{architecture}"
    port, program = server.free_port(), bootstrap(function)
    command = [
        emulator, "--log-level", "info",
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{server.free_port()}",
        program,
    ]
    settings = world.environment(function) | world.variables | {
        "_HANDLER": "bootstrap",
        "AWS_LAMBDA_FUNCTION_HANDLER": "bootstrap",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": f"{STACK}-{function}",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(MOST_ANSWER),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        # The embedded AWS takes the token for the name of a role, and lets it do what the template allows.
        "AWS_SESSION_TOKEN": world.role(function),
        "LAMBDA_TASK_ROOT": str(program.parent),
        "PATH": os.defpath,
    }
    with server.other(command, port, LOGS / f"{function}.log", env=settings, cwd=program.parent) as endpoint:
        yield f"{endpoint}/2015-03-31/functions/function/invocations"
