#!/usr/bin/env bash
# Installs what the tests need into .local: a Python environment, and real helm, kubectl and a registry of charts. A second run finds all
# there.
source "$(dirname "$0")/common.sh"

# The first Python of 3.10 or newer.
find_python() {
    local name
    for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "no Python 3.10 or newer (hint: install one, or name it with PYTHON=/path/to/python3)"
}

# The stamps are copies of what was installed from, so that a change of either installs again.
if ! cmp -s scripts/requirements.txt "$venv/installed.txt" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    step "installing the Python tools into .local/venv"
    python=$(find_python)
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "\`$python -m venv\` failed (hint: Debian has it in the package python3-venv)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
    cp scripts/requirements.txt "$venv/installed.txt"
fi

if ! cmp -s scripts/tools.py "$local/bin/installed.py"; then
    step "installing helm 3, helm 4 and kubectl into .local/bin"
    if "$venv/bin/python" scripts/tools.py "$local/bin"; then
        cp scripts/tools.py "$local/bin/installed.py"
    elif in_ci; then
        fail "CI needs helm and kubectl"
    fi
fi

if [ ! -x "$local/bin/docker-registry" ]; then
    step "installing docker-registry into .local/bin"
    if ! scripts/registry.sh "$local/bin"; then
        in_ci && fail "CI needs docker-registry"
        echo "left out: docker-registry comes from Debian only (hint: set DAGSTER_WORKSPACE_DOCKER_REGISTRY)"
    fi
fi
