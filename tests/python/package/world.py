"""Where the functions are, the embedded AWS that they run against, and AWS's emulator that runs them."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import boto3
import samcli
from conformance.server import free_port
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / ".aws-sam/build"
LOGS = ROOT / "target/package"
LOCAL = ROOT / "target/debug/backup-chain-local"
FUNCTIONS = ["session", "copy", "retention", "restore"]
STACK, SOURCE = "backup-chain", "eu-central-1"

# Seconds: for one answer, and for a program to listen.
MOST_ANSWER, MOST_START = 60, 30


def bootstrap(function: str) -> Path:
    """What sam build has made of a function."""
    return BUILT / f"{function.title()}Function/bootstrap"


class Processes:
    """What was started; gone at the end, with all that it started itself."""

    def __enter__(self) -> "Processes":
        self.started: list[subprocess.Popen] = []
        return self

    def start(self, name: str, command: list[object], environment: dict[str, str], **more: object) -> subprocess.Popen:
        with (LOGS / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [str(part) for part in command], env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more,
            )
        self.started.append(process)
        return process

    def __exit__(self, *_: object) -> None:
        # The emulator ends its function when it is asked to go; one that is killed cannot.
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def listening(process: subprocess.Popen, port: int, log: str) -> str:
    """Where a process answers, once it does."""
    until = time.monotonic() + MOST_START
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise RuntimeError(f"it does not start: see {LOGS / log}.log")


def client(service: str, endpoint: str, account: str) -> object:
    """A client of boto3, as the root of an account."""
    return boto3.client(
        service, endpoint_url=endpoint, region_name=SOURCE, aws_access_key_id=account, aws_secret_access_key="none"
    )


class World:
    """An embedded AWS with Backup Chain in it. Its own functions die at once: nothing happens but what is asked of those
    that are judged.
    """

    def __init__(self, processes: Processes, folder: Path) -> None:
        for function in FUNCTIONS:
            program = folder / f"{STACK}-{function}"
            program.write_text("#!/bin/sh\nexit 1\n")
            program.chmod(0o755)
        command = [LOCAL, "serve", "--port", "0", "--pace", "instant", "--deploy", "--functions", folder]
        server = processes.start("aws", command, {})
        self.variables: dict[str, str] = {}
        until = time.monotonic() + MOST_START
        while "AWS_REGION" not in self.variables:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the embedded AWS does not start: {(LOGS / 'aws.log').read_text()}")
            time.sleep(0.05)
            printed = (LOGS / "aws.log").read_text()
            if "#" in printed:
                self.variables = dict(re.findall(r"(AWS_\w+)=(\S+)", printed))

    @property
    def account(self) -> str:
        """The account of the deployment."""
        return self.variables["AWS_ACCESS_KEY_ID"]

    def client(self, service: str) -> object:
        """A client of it, as the root of its account."""
        return client(service, self.variables["AWS_ENDPOINT_URL"], self.account)

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


def emulate(processes: Processes, world: World, function: str, architecture: str) -> str:
    """Starts a function under the emulator, as the SAM CLI's containers do, and returns where it is invoked."""
    emulator = Path(samcli.__file__).parent / f"local/rapid/aws-lambda-rie-{architecture}"
    port, program = free_port(), bootstrap(function)
    command = [
        emulator, "--log-level", "info",
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{free_port()}",
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
    process = processes.start(function, command, settings, cwd=program.parent)
    return f"{listening(process, port, function)}/2015-03-31/functions/function/invocations"
