"""What is known not to be as AWS describes it, and why that is right: nothing is silenced without a reason."""

import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from .model import Finding

FILE = pathlib.Path(__file__).with_name("explained.yaml")


@dataclass(frozen=True)
class Explanation:
    """Covers the findings of a service whose operation, member and problem match; `*` stands for anything."""

    service: str
    operation: str
    side: str
    member: str
    problem: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is explained by this."""
        return (
            (self.service, self.side) == (finding.service, finding.side)
            and fnmatchcase(finding.operation, self.operation)
            and fnmatchcase(_plain(finding.member), _plain(self.member))
            and fnmatchcase(_plain(finding.problem), _plain(self.problem))
        )


def _plain(text: str) -> str:
    """Brackets stand for themselves here: they are the entries of lists."""
    return text.replace("[", "<").replace("]", ">")


def load(path: pathlib.Path = FILE) -> list[Explanation]:
    """The explanations of a file; each must give every field."""
    return [Explanation(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []]


def sort_out(
    findings: Iterable[Finding], explanations: list[Explanation]
) -> tuple[list[Finding], list[Explanation]]:
    """The findings that nothing explains, and the explanations that explain nothing."""
    used: set[Explanation] = set()
    unexplained: list[Finding] = []
    for finding in findings:
        covering = [explanation for explanation in explanations if explanation.covers(finding)]
        used.update(covering)
        if not covering:
            unexplained.append(finding)
    return unexplained, [explanation for explanation in explanations if explanation not in used]
