#!/bin/bash
# Builds the wheel, installs it into a clean environment and runs every test against that, not against the sources.
#   shmon-py/test.sh [PYTHON]…      without arguments: python3
# SHMON_PROFILE chooses cargo's profile (default: dev; `dist` is what is published).
set -euo pipefail
cd "$(dirname "$0")/.."
pythons=("$@")
[ ${#pythons[@]} -gt 0 ] || pythons=(python3)

SHMON_PROFILE=${SHMON_PROFILE:-dev} shmon-py/build.sh target/wheels/test
wheel=$(ls target/wheels/test/shmon-*.whl)

# Distributions have no free-threaded Python yet; at least the module compiles for one.
config=$PWD/target/free-threaded.txt
printf '%s\n' implementation=CPython version=3.14 shared=true pointer_width=64 build_flags=Py_GIL_DISABLED >"$config"
PYO3_CONFIG_FILE=$config cargo clippy --quiet --package shmon-py -- -D warnings

for python in "${pythons[@]}"; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    venv=target/venv-test-$version
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check "$wheel"
    # The module by itself, with nothing else installed.
    (cd "$venv" && bin/python -I -c 'import shmon; shmon.classify("ls")' && bin/python -I -m shmon --version)
    "$venv/bin/pip" install -q --disable-pip-version-check -r shmon-py/tests/requirements.txt
    # The libraries whose columns come in are tested where their wheels exist; SHMON_SPARK=1 adds Spark (needs Java).
    optional=$(grep -v '^#' shmon-py/tests/requirements-arrow.txt)
    if [ -n "${SHMON_SPARK:-}" ]; then optional+=" pyspark"; else echo "SKIPPED: Spark (SHMON_SPARK=1 installs it, and it needs Java)"; fi
    for package in $optional; do
        "$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: --prefer-binary "$package" 2>/dev/null ||
            { [ "$package" = pyspark ] && "$venv/bin/pip" install -q --disable-pip-version-check pyspark 2>/dev/null; } ||
            echo "SKIPPED: no $package for Python $version"
    done
    # Not from the repository's root or shmon-py: `import shmon` must find the wheel.
    (cd shmon-py/tests && "../../$venv/bin/python" -m pytest -c ../pyproject.toml --rootdir . -p no:cacheprovider .)
    case $version in
        3.9 | 3.10) echo "SKIPPED: stubtest needs the newest mypy; Python $version has an older one" ;;
        *)
            (cd "$venv" && bin/python -m mypy.stubtest shmon --mypy-config-file ../../shmon-py/pyproject.toml \
                --allowlist ../../shmon-py/tests/stubtest-allow.txt)
            (cd shmon-py && "../$venv/bin/python" -m mypy --strict --no-incremental -p shmon.scripts)
            (cd shmon-py && "../$venv/bin/python" -m mypy --strict --no-incremental tests/typed.py)
            ;;
    esac
done
