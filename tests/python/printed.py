"""Runs the console sessions of a page as they are printed, and compares what comes out.

    printed.py docs/local.md

A line that begins with "$ " in a ```console block is a command; lines that begin with "> " go on with it. What
follows is its output, in which … stands for any text. All blocks run in one shell, against an embedded AWS of
their own (target/debug/backup-chain-local) with Backup Chain deployed; `aws` is the one of .tools/py.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance import server

ROOT = Path(__file__).resolve().parents[2]
END = "--- end of output ---"


def sessions(page: str) -> list[tuple[str, str]]:
    """The commands of the page, each with its output as printed."""
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
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
    path = f"{ROOT / '.tools/py/bin'}:{os.environ['PATH']}"
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
    steps = sessions(page.read_text())
    with server.embedded("--deploy") as variables:
        wrong = run(steps, variables)
    print(f"{page.name}: {len(steps) - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong or not steps else 0)


if __name__ == "__main__":
    main()
