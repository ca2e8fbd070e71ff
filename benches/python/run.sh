#!/bin/bash
# Builds the module as it is published, and runs bench.py with it:  benches/python/run.sh [COMMANDS [THREADS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
. benches/python/module.sh
"$faces" commands "${1:-200000}" >"$work/commands"
"$python" benches/python/bench.py "$faces" "$work/commands" "${2:-2}"
