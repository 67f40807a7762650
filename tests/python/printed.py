"""Runs the console sessions of a page as they are printed, and compares what comes out.

    printed.py docs/local.md

A ```sh block with `backup-chain-local serve` begins a session: an embedded AWS of its own, with the options that stand
there. A line that begins with "$ " in a ```console block after it is a command; lines that begin with "> " go on with
it. What follows is its output, in which … stands for any text. All commands of a session run in one shell, in which
`aws` is the one of .tools/py and the project's own programs are those that were built.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from conformance import server

ROOT = Path(__file__).resolve().parents[2]
END = "--- end of output ---"


@dataclass
class Session:
    """An embedded AWS and what is done with it."""

    options: list[str]
    """Those of `serve`."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Commands, each with its output as printed."""


def sessions(page: str) -> list[Session]:
    """The sessions of a page."""
    found: list[Session] = []
    for kind, block in re.findall(r"^```(sh|console)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        if kind == "console":
            found[-1].steps += steps(block)
        elif serve := re.search(r"backup-chain-local serve(.*)", block):
            found.append(Session(shlex.split(serve[1], comments=True)))
    return [session for session in found if session.steps]


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with its output as printed."""
    steps: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        elif line.startswith("> ") and steps and not steps[-1][1]:
            command, _ = steps[-1]
            steps[-1] = (f"{command}\n{line[2:]}", "")
        else:
            command, output = steps[-1]
            steps[-1] = (command, output + line + "\n")
    return steps


def fits(printed: str, output: str) -> bool:
    """Whether an output is as printed: … stands for any text."""
    parts = [re.escape(part) for part in printed.strip().split("…")]
    return re.fullmatch(".*".join(parts), output.strip(), re.DOTALL) is not None


def run(steps: list[tuple[str, str]], variables: dict[str, str]) -> int:
    """Runs the commands one after another in one shell; returns how many did something else."""
    path = f"{ROOT / '.tools/py/bin'}:{server.PROGRAM.parent}:{os.environ['PATH']}"
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": path, "HOME": folder, "AWS_PAGER": "", **variables}
        (Path(folder) / "events").symlink_to(ROOT / "events")
        shell = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for command, printed in steps:
            shell.stdin.write(f"{command}\necho '{END}' $?\n")
            output = ""
            while END not in output:
                line = shell.stdout.readline()
                if not line:
                    break
                output += line
            output, _, status = output.partition(END)
            if status.strip() != "0" or not fits(printed, output):
                wrong += 1
                print(f"$ {command}\nprinted:\n{printed}\ncame out (status {status.strip()}):\n{output}")
        shell.stdin.close()
        shell.wait(timeout=60)
    return wrong


def main() -> None:
    """Runs the page that is named."""
    page = ROOT / sys.argv[1]
    passed = failed = 0
    for session in sessions(page.read_text()):
        with server.embedded(*session.options) as variables:
            wrong = run(session.steps, variables)
        failed += wrong
        passed += len(session.steps) - wrong
    print(f"{page.name}: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
