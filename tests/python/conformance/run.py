"""The conformance suite: python -m conformance.run [--no-peers]

Drives every scenario with boto3 and with the AWS CLI, judges the recorded exchanges by AWS's descriptions, asks
whether every operation that is answered is driven, and compares answers with those of other servers.
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from . import compare, explained, model, operations, recording, scenario, server
from .drivers import Boto3, Cli
from .scenarios import ALL

COVERAGE = pathlib.Path(__file__).with_name("coverage.yaml")


@dataclass(frozen=True)
class Check:
    """Something that was looked at, and what was wrong."""

    name: str
    failures: list[str]


def main() -> int:
    """Runs everything; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peers", action="store_true", help="leave out the comparison with other servers")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the recording and the servers' logs in this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        failed = passed = 0
        for check in _checks(folder, peers=not asked.no_peers):
            failed, passed = failed + bool(check.failures), passed + (not check.failures)
            for failure in check.failures:
                print(f"FAILED {check.name}: {failure}", flush=True)
        print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _checks(folder: pathlib.Path, peers: bool) -> Iterator[Check]:
    with server.embedded("--consistent", "--pace", "instant") as variables:
        known = operations.known(variables["AWS_ENDPOINT_URL"])
    unanswered = {step.call for one in ALL for step in one.steps} - known
    yield from _coverage(known, unanswered)
    answered = [one for one in ALL if not any(step.call in unanswered for step in one.steps)]
    # Accounts do not see each other: each scenario and client begins in an empty one.
    record = folder / "recording.jsonl"
    with server.embedded("--consistent", "--pace", "instant", "--record", record) as variables:
        endpoint = variables["AWS_ENDPOINT_URL"]
        for number, one in enumerate(answered):
            for client in (Boto3(endpoint, f"1{number:011}"), Cli(endpoint, f"2{number:011}", folder)):
                yield from _driven(one, client)
    yield from _judged(record)
    if peers:
        for difference in compare.checks(answered, folder):
            yield Check(*difference)


def _driven(one: scenario.Scenario, client: Boto3 | Cli) -> Iterator[Check]:
    for number, took in enumerate(scenario.run(one, client), 1):
        fact = f" -- {took.step.fact}" if took.step.fact else ""
        failures = [f"{failure}{fact}" for failure in took.failures]
        yield Check(f"{client.name}, {one.name}, step {number} {took.step.call}", failures)


def _judged(record: pathlib.Path) -> Iterator[Check]:
    findings = [finding for exchange in recording.read(record) for finding in model.judge(exchange)]
    unexplained, idle = explained.sort_out(findings, explained.load())
    kinds: dict[tuple[str, str, str, str], str] = {}
    for finding in unexplained:
        kinds.setdefault((finding.service, finding.operation, finding.side, finding.member), str(finding))
    for _, told in sorted(kinds.items()):
        yield Check("AWS's description", [told])
    yield Check("explanations", [f"explains nothing: {explanation}" for explanation in idle])


def _coverage(known: set[str], unanswered: set[str]) -> Iterator[Check]:
    """Whether all that is answered is driven, but for what is excused; and whether the excuses hold."""
    excuses = yaml.safe_load(COVERAGE.read_text(encoding="utf-8"))
    undriven = {entry["operation"] for entry in excuses["undriven"]}
    awaited = set(excuses["unanswered"])
    driven = {step.call for one in ALL for step in one.steps}
    for operation in sorted(known):
        missing = operation not in driven and operation not in undriven
        yield Check("coverage", [f"no scenario drives {operation}"] if missing else [])
    for operation in sorted(unanswered):
        yield Check("coverage", [] if operation in awaited else [f"{operation} is driven and not answered"])
    yield from _stale("undriven", undriven, (undriven & driven) | (undriven - known))
    yield from _stale("unanswered", awaited, awaited - unanswered)


def _stale(name: str, entries: Iterable[str], stale: set[str]) -> Iterator[Check]:
    yield Check(f"coverage.yaml, {name}", [f"no longer holds: {entry}" for entry in sorted(entries) if entry in stale])


if __name__ == "__main__":
    sys.exit(main())
