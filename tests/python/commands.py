"""Has the AWS CLI read every command of the pages that no test runs, and says which ones it would refuse.

    commands.py docs/deploy.md docs/operations.md ...

The commands of ```sh blocks run against an address at which nobody listens: what the AWS CLI wants to send there, it has
understood, and checked against its description of the service. Runs in .tools/py (setup.sh).
"""

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from awscli.clidriver import create_clidriver

ROOT = Path(__file__).resolve().parents[2]
NOBODY = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
}
UNDERSTOOD = "Could not connect to the endpoint URL"


def commands(page: str) -> list[list[str]]:
    """The words of every command of the AWS CLI on a page."""
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            if match := re.search(r"(?:^\s*|\$\()aws (.*)", line):
                # What stands in $( ) ends with it.
                inside = match[1].rpartition(")")[0] if "$(aws" in line else match[1]
                # Version 2 of the AWS CLI wants this, and version 1, which is in .tools/py, does not know it.
                inside = inside.replace(" --cli-binary-format raw-in-base64-out", "")
                found.append(shlex.split(inside, comments=True))
    return found


def refusal(words: list[str]) -> str | None:
    """What the AWS CLI says against a command."""
    for file in (word.removeprefix("file://") for word in words if word.startswith("file://")):
        if not Path(file).exists():
            Path(file).write_text("[]")
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        try:
            create_clidriver().main(words)
        except SystemExit:
            pass  # It has told why.
    return None if UNDERSTOOD in told.getvalue() else told.getvalue().strip().splitlines()[-1]


def main(pages: list[str]) -> int:
    os.environ |= NOBODY
    wrong = number = 0
    with tempfile.TemporaryDirectory() as folder:
        texts = {page: (ROOT / page).read_text() for page in pages}
        (Path(folder) / "events").symlink_to(ROOT / "events")
        os.chdir(folder)
        for page, text in texts.items():
            for words in commands(text):
                number += 1
                if why := refusal(words):
                    wrong += 1
                    print(f"{page}: aws {shlex.join(words)}\n  {why}", file=sys.stderr)
    print(f"commands of the AWS CLI: {number - wrong} passed, {wrong} failed")
    return 1 if wrong or not number else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
