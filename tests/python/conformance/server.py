"""Servers as child processes: the embedded AWS, and others."""

import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "backup-chain-local"


@contextlib.contextmanager
def embedded(record: pathlib.Path | None = None) -> Iterator[str]:
    """The embedded AWS on a free port: its endpoint."""
    command = [str(PROGRAM), "serve", "--port", "0", "--pace", "instant"]
    if record:
        command += ["--record", str(record)]
    with _running(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        if not first.startswith("export AWS_ENDPOINT_URL="):
            raise RuntimeError(f"{PROGRAM} does not serve: {first!r}")
        yield first.strip().partition("=")[2]


@contextlib.contextmanager
def other(command: list[str], port: int, log: pathlib.Path) -> Iterator[str]:
    """Another server, once it answers on its port: its endpoint."""
    with log.open("wb") as output, _running(command, stdout=output, stderr=output) as process:
        deadline = time.monotonic() + 60
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer; see {log}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    """Whether an HTTP server answers on a port."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _running(command: list[str], **streams: object) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(command, cwd=ROOT, **streams)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
