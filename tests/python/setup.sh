#!/bin/sh
# Makes .tools/py: the official AWS tools in the versions of requirements.txt, in the project's own folder.
# Does nothing when they are there already, and fails when anything is missing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv="$here/../../.tools/py"
done="$venv/.requirements"

if cmp -s "$here/requirements.txt" "$done"; then
    exit 0
fi
command -v python3 >/dev/null || { echo "setup: python3 is missing: install Python 3.10 or newer" >&2; exit 1; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    { echo "setup: $(python3 --version) is too old: install Python 3.10 or newer" >&2; exit 1; }
python3 -m venv --clear "$venv" ||
    { echo "setup: python3 cannot make a virtual environment: install its venv module (python3-venv)" >&2; exit 1; }
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
"$venv/bin/python" -m pip check --quiet
cp "$here/requirements.txt" "$done"
