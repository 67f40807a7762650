#!/bin/sh
# Proves the embedded AWS with clients, descriptions and servers that others wrote. It needs the built program
# (cargo build) and the tools (setup.sh).
set -eu

cd -- "$(dirname -- "$0")/.."
python=../../.tools/py/bin/python
"$python" -m unittest --quiet conformance.test_model
exec "$python" -m conformance.run "$@"
