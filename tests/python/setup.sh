#!/bin/sh
# Makes .tools/py, the official AWS tools, .tools/peers, servers to compare with, and .tools/lint, what judges the
# templates, in the versions of their requirements files, in the project's own folder. Does nothing when they are there
# already, and fails when anything is missing.
#
#     setup.sh            all three
#     setup.sh report     .tools/report, which opens the report in a Chromium
#     setup.sh package    what make package takes: .tools/package, which builds, and the last two, which run what is built
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# install NAME REQUIREMENTS
install() {
    venv="$here/../../.tools/$1"
    if cmp -s "$here/$2" "$venv/.requirements"; then
        return
    fi
    command -v python3 >/dev/null || { echo "setup: python3 is missing: install Python 3.11 or newer" >&2; exit 1; }
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "setup: $(python3 --version) is too old: install Python 3.11 or newer" >&2; exit 1; }
    python3 -m venv --clear "$venv" ||
        { echo "setup: python3 cannot make a virtual environment: install its venv module (python3-venv)" >&2; exit 1; }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/$2"
    "$venv/bin/python" -m pip check --quiet
    cp "$here/$2" "$venv/.requirements"
}

if [ "${1:-}" = report ]; then
    install report requirements-report.txt
    exit
fi
if [ "${1:-}" = package ]; then
    install package requirements-package.txt
else
    install py requirements.txt
fi
install peers requirements-peers.txt
install lint requirements-lint.txt
