"""Servers as child processes: the embedded AWS, and others."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "backup-chain-local"


@contextlib.contextmanager
def embedded(*options: object) -> Iterator[dict[str, str]]:
    """The embedded AWS on a free port, with these options of `serve`: the variables that its clients need."""
    with _running([PROGRAM, "serve", "--port", "0", *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        variables: dict[str, str] = {}
        for line in process.stdout:
            variables |= dict(pair.split("=", 1) for pair in line.removeprefix("export ").split() if "=" in pair)
            if line.startswith("#"):
                break
        if "AWS_ENDPOINT_URL" not in variables:
            raise RuntimeError(f"{PROGRAM} does not serve")
        yield variables


@contextlib.contextmanager
def other(command: list[object], port: int, log: pathlib.Path, **options: object) -> Iterator[str]:
    """Another server, once it answers on its port: its endpoint. The options are those of a process."""
    with log.open("wb") as output, _running(command, stdout=output, stderr=output, **options) as process:
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
def _running(command: list[object], **options: object) -> Iterator[subprocess.Popen]:
    """A process, gone at the end with all that it has started itself."""
    process = subprocess.Popen(
        [str(word) for word in command], **{"cwd": ROOT, "stdin": subprocess.DEVNULL, "start_new_session": True} | options
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
