"""Scenarios: calls in a row, each with what AWS documents of its answer. They know no client; drivers do."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import jmespath

ACCOUNT = "${account}"
"""In parameters and expectations: the account of the driver."""
REGION = "eu-central-1"
OTHER_REGION = "eu-west-1"


@dataclass(frozen=True)
class Outcome:
    """What a call came to: a document in plain JSON (blobs in base64, moments as text), or an error code."""

    document: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    message: str = ""


class Driver(Protocol):
    """A client that makes calls."""

    account: str

    def call(self, service: str, operation: str, params: dict[str, Any], region: str) -> Outcome:
        """Makes a call, with blobs in base64 among its parameters."""
        ...


@dataclass(frozen=True)
class Step:
    """A call. `${name.path}` in its parameters and expectations stands for a part of a kept answer."""

    call: str
    params: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)
    """JMESPath expressions over the answer, and what they come to: a value, or a `Like`."""
    error: str | None = None
    fact: str = ""
    keep: str | None = None
    region: str = REGION
    wait: bool = False
    """Whether the call is repeated for a while until what is expected holds."""

    @property
    def service(self) -> str:
        """What botocore calls the service."""
        return self.call.partition(".")[0]

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.call.partition(".")[2]


@dataclass(frozen=True)
class Like:
    """Stands for every text of a pattern."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)


@dataclass(frozen=True)
class Scenario:
    """Steps in a row, beginning in an empty account."""

    name: str
    steps: list[Step]


@dataclass(frozen=True)
class Took:
    """What became of a step: how it was answered, and what was not as expected."""

    step: Step
    outcome: Outcome
    failures: list[str]


def run(scenario: Scenario, driver: Driver, patience: float = 10) -> Iterator[Took]:
    """Takes the steps one by one; one that waits does so for `patience` seconds."""
    kept: dict[str, Any] = {"account": driver.account}
    for step in scenario.steps:
        try:
            params, expect = _filled(step.params, kept), _filled(step.expect, kept)
        except KeyError as missing:
            yield Took(step, Outcome(error="NotCalled"), [f"needs {missing}, which an earlier step did not tell"])
            continue
        deadline = time.monotonic() + patience
        while True:
            outcome = driver.call(step.service, step.operation, params, step.region)
            failures = list(_failures(step, expect, outcome))
            if not (step.wait and failures) or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if step.keep:
            kept[step.keep] = outcome.document
        yield Took(step, outcome, failures)


def _failures(step: Step, expect: dict[str, Any], outcome: Outcome) -> Iterator[str]:
    if outcome.error != step.error:
        yield f"answers {outcome.error or 'success'} ({outcome.message}), not {step.error or 'success'}"
        return
    for path, wanted in expect.items():
        told = outcome.message if path == "message" and step.error else jmespath.search(path, outcome.document)
        if told != wanted:
            yield f"{path} is {told!r}, not {wanted!r}"


REFERENCE = re.compile(r"\$\{([^}]+)\}")


def _filled(value: Any, kept: dict[str, Any]) -> Any:
    """The value with references resolved."""
    match value:
        case str():
            if whole := REFERENCE.fullmatch(value):
                return _resolved(whole[1], kept)
            return REFERENCE.sub(lambda found: str(_resolved(found[1], kept)), value)
        case list():
            return [_filled(entry, kept) for entry in value]
        case dict():
            return {_filled(key, kept): _filled(entry, kept) for key, entry in value.items()}
        case Like():
            return Like(_filled(value.pattern, kept))
    return value


def _resolved(path: str, kept: dict[str, Any]) -> Any:
    value = jmespath.search(path, kept)
    if value is None:
        raise KeyError(path)
    return value
