"""The same scenarios on other servers: where answers differ, `differences.yaml` says who is right and why.

A difference is a step that one refuses and the other does not, that they refuse by other errors, or a member that
only one of them tells, or whose value differs once what is random is left out.
"""

import contextlib
import json
import pathlib
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import yaml

from . import scenario, server
from .drivers import Boto3

FILE = pathlib.Path(__file__).with_name("differences.yaml")
TOOLS = server.ROOT / ".tools" / "peers" / "bin"
SERVICES = {"dynamodb", "events", "kms", "sqs"}
# Only values of these kinds are random in both: what they are is left out.
RANDOM = re.compile(
    r"mrk-[0-9a-f-]{32,36}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[0-9:.]+(\+00:00|Z)?"
)
BLOBS = {"CiphertextBlob", "Plaintext", "ReceiptHandle", "RevisionId"}


@dataclass(frozen=True)
class Difference:
    """Where an answer of ours and one of another server differ."""

    peer: str
    operation: str
    member: str
    ours: str
    theirs: str
    where: str

    def __str__(self) -> str:
        return f"{self.operation} {self.member}: ours {self.ours}, {self.peer} {self.theirs} ({self.where})"


@dataclass(frozen=True)
class Reason:
    """Why a difference is right; `*` stands for anything."""

    peer: str
    operation: str
    member: str
    ours: str
    theirs: str
    why: str

    def covers(self, difference: Difference) -> bool:
        """Whether a difference is of this kind."""
        return all(
            fnmatchcase(_plain(getattr(difference, name)), _plain(getattr(self, name)))
            for name in ("peer", "operation", "member", "ours", "theirs")
        )


def checks(scenarios: list[scenario.Scenario], folder: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
    """The differences that no reason covers, and the reasons that cover none."""
    shared = [one for one in scenarios if {step.service for step in one.steps} <= SERVICES]
    reasons = [Reason(**entry) for entry in yaml.safe_load(FILE.read_text(encoding="utf-8")) or []]
    used: set[Reason] = set()
    with server.embedded("--consistent", "--pace", "instant") as ours_at:
        ours = _answers(ours_at["AWS_ENDPOINT_URL"], shared)
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(PEERS, pool.map(lambda name: _peer(name, shared, folder), PEERS), strict=True))
    for name, theirs in answers.items():
        for key, (step, answer) in ours.items():
            unexplained: list[str] = []
            for difference in _differences(name, key, step, answer, theirs[key][1]):
                covering = [reason for reason in reasons if reason.covers(difference)]
                used.update(covering)
                if not covering:
                    unexplained.append(str(difference))
            yield f"as {name}, {key}", unexplained
    yield "differences.yaml", [f"covers nothing: {reason}" for reason in reasons if reason not in used]


def _command(name: str, port: int) -> list[str]:
    python = str(TOOLS / "python")
    return {
        "moto": [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        "ministack": [python, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "ministack.app:app"],
    }[name]


PEERS = ("moto", "ministack")
RESETS = {"moto": "/moto-api/reset"}
ONLY_ACCOUNT = "123456789012"
Answers = dict[str, tuple[scenario.Step, scenario.Outcome]]


def _peer(name: str, scenarios: list[scenario.Scenario], folder: pathlib.Path) -> Answers:
    port = server.free_port()
    with server.other(_command(name, port), port, folder / f"{name}.log") as endpoint:
        return _answers(endpoint, scenarios, RESETS.get(name))


def _answers(endpoint: str, scenarios: list[scenario.Scenario], reset: str | None = None) -> Answers:
    """Every step's answer. A step that waits is asked until our expectation holds or time is up.
    Each scenario has an account of its own; where the server knows only one, `reset` empties it."""
    answers: Answers = {}
    for number, one in enumerate(scenarios):
        if reset:
            urllib.request.urlopen(urllib.request.Request(endpoint + reset, method="POST"), timeout=10).close()
        client = Boto3(endpoint, ONLY_ACCOUNT if reset else f"3{number:011}")
        for at, took in enumerate(scenario.run(one, client, patience=1), 1):
            answers[f"{one.name}, step {at} {took.step.call}"] = (took.step, took.outcome)
    return answers


def _differences(
    peer: str, key: str, step: scenario.Step, ours: scenario.Outcome, theirs: scenario.Outcome
) -> Iterator[Difference]:
    def difference(member: str, mine: Any, other: Any) -> Difference:
        return Difference(peer, step.call, member, _short(mine), _short(other), key)

    if ours.error != theirs.error:
        yield difference("(error)", ours.error or "success", theirs.error or "success")
    elif ours.error is None:
        mine, other = dict(_members(ours.document)), dict(_members(theirs.document))
        for member in sorted(mine.keys() | other.keys()):
            if mine.get(member) != other.get(member):
                yield difference(member, mine.get(member, "(none)"), other.get(member, "(none)"))


def _members(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """The members of a document with `[]` for every list, and their values without what is random."""
    match value:
        case dict() if value:
            for name, entry in value.items():
                yield from _members("(random)" if name in BLOBS else entry, f"{at}.{name}".lstrip("."))
        case list() if value:
            entries = [dict(_members(entry, f"{at}[]")) for entry in value]
            for name in sorted({name for entry in entries for name in entry}):
                yield name, [entry.get(name, "(none)") for entry in entries]
        case {} | [] if not at:
            return
        case str():
            with contextlib.suppress(ValueError):
                # Policies are documents in a text: how they are laid out means nothing.
                value = json.dumps(json.loads(value), sort_keys=True) if value.startswith("{") else value
            yield at, re.sub(r"\b\d{12}\b", "(account)", RANDOM.sub("(random)", value))
        case _:
            yield at, value


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _plain(text: str) -> str:
    """Brackets stand for themselves here."""
    return text.replace("[", "<").replace("]", ">")
