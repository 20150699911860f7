#!/usr/bin/env bash
# The Python package: built into the environment, its types judged from inside and outside, its tests run.
source "$(dirname "$0")/common.sh"

package=dagster-workspace-py
scripts/setup.sh

step "building $package"
VIRTUAL_ENV=$venv "$venv/bin/maturin" develop --quiet --manifest-path $package/Cargo.toml

step "types"
(cd $package && "$venv/bin/mypy" python tests)
(cd $package && "$venv/bin/python" -m mypy.stubtest dagster_workspace)

step "pytest"
log=$local/test-python.txt
# Its README is run, too.
(cd $package && "$venv/bin/python" -m pytest --quiet -rs) 2>&1 | tee "$log"
if grep -qE '[0-9]+ (skipped|deselected|xfailed)' "$log"; then
    in_ci && fail "a Python test was found but not run"
    echo "left out: some Python tests were found but not run"
fi
