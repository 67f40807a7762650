"""Validates recordings: python -m conformance.validate [--whole] FILE...

With --whole, explanations that explain nothing fail as well: the recordings are then of everything.
"""

import argparse
import pathlib
import sys

from . import explained, model, recording


def main() -> int:
    """The number of findings, at most one of a kind, as an exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--whole", action="store_true", help="also report explanations that explain nothing")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    asked = parser.parse_args()
    exchanges = [exchange for file in asked.files for exchange in recording.read(file)]
    findings = [finding for exchange in exchanges for finding in model.judge(exchange)]
    unexplained, idle = explained.sort_out(findings, explained.load())
    told: set[tuple[str, ...]] = set()
    for finding in unexplained:
        kind = (finding.service, finding.operation, finding.side, finding.member, finding.problem)
        if kind not in told:
            told.add(kind)
            print(f"finding: {finding}")
    if asked.whole:
        for explanation in idle:
            print(f"explains nothing: {explanation}")
    else:
        idle = []
    print(f"{len(exchanges)} exchanges, {len(told)} kinds of findings unexplained, {len(idle)} idle explanations")
    if not exchanges:
        print("nothing was recorded")
    return 1 if told or idle or not exchanges else 0


if __name__ == "__main__":
    sys.exit(main())
