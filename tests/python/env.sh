#!/usr/bin/env bash
# Prints the Python interpreter that has what tests/python needs, making its environment first if need be.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$(cd "$here/../.." && pwd)/target}
env="$target/python-env"
mkdir -p "$target"

fail() {
    echo "env.sh: $1" >&2
    echo "env.sh: the tests with kazoo need python3 with venv and pip, and a package index in reach" >&2
    exit 1
}

{
    flock 9 # several test processes may find it missing at once
    if ! cmp -s "$here/requirements.txt" "$env/installed.txt"; then
        rm -rf "$env"
        python3 -m venv "$env" >&2 || fail "python3 -m venv failed"
        "$env/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            --requirement "$here/requirements.txt" >&2 || fail "pip could not install requirements.txt"
        cp "$here/requirements.txt" "$env/installed.txt"
    fi
} 9>"$target/python-env.lock"
echo "$env/bin/python"
