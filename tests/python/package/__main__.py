"""Judges the functions as they are deployed: their size, and what they do where others run them.

    python -m package ARCHITECTURE          all of it, for arm64 or x86_64; what is built for another machine is not run
    python -m package ARCHITECTURE sizes    their size only

`sam build` has put a bootstrap for each function into .aws-sam/build. Each runs under the runtime interface emulator
that comes with the SAM CLI, against an embedded AWS (target/debug/backup-chain-local serve --deploy) and with the rights
that the template gives it, and is sent each of its samples in events/. Then MiniStack runs one behind a rule. Logs are
in target/package. Runs in .tools/lint (setup.sh). `make package` does all of it.
"""

import contextlib
import platform
import sys
import tempfile
import time
from pathlib import Path

from conformance import server

from . import rule, samples
from .sizes import sizes
from .world import FUNCTIONS, LOGS, World, dead, emulated


def run(architecture: str) -> list[str]:
    """Runs the functions; tells what is wrong."""
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with contextlib.ExitStack() as running:
        functions = dead(Path(running.enter_context(tempfile.TemporaryDirectory())))
        # On real time: what is seen late would only make it slow.
        deployed = ["--consistent", "--pace", "instant", "--deploy", "--functions", functions]
        world = World(running.enter_context(server.embedded(*deployed)))
        urls = {name: running.enter_context(emulated(world, name, architecture)) for name in FUNCTIONS}
        findings = samples.run(urls, world) + rule.run(world)
    print(f"package: ran for {time.monotonic() - began:.1f} s")
    return findings


def main() -> int:
    # As uname says it as well.
    architecture = {"aarch64": "arm64"}.get(sys.argv[1], sys.argv[1])
    findings = sizes(architecture)
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if not findings and "sizes" not in sys.argv[2:]:
        if machine == architecture:
            findings = run(architecture)
        else:
            print(f"package: built for {architecture}, which this machine ({machine}) does not run")
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        print(f"package: the logs are in {LOGS}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
