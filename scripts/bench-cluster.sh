#!/usr/bin/env bash
# What jobs cost on a real API server: optimised, printed beside the goals, and recorded behind `## One run` in
# `benches/CLUSTER.md`. With arguments (`calls`, `jobs`, `peers`, `restarts`, `steps`) only these parts are measured, and nothing is
# recorded.
source "$(dirname "$0")/common.sh"

scripts/setup.sh >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The API server counts the requests: of service accounts, which are what jobs run as.
cat >"$folder/policy.yaml" <<END
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ["system:serviceaccounts"]}
- {level: None}
END
export DAGSTER_WORKSPACE_AUDIT=$folder/audit.log
touch "$DAGSTER_WORKSPACE_AUDIT"
export APISERVER_FLAGS="--audit-policy-file=$folder/policy.yaml --audit-log-path=$DAGSTER_WORKSPACE_AUDIT ${APISERVER_FLAGS:-}"

# What is measured beside it; without a package index it is left out, and the bench says so.
if [ -z "${DAGSTER_UC_PYTHON:-}" ] && { python3 -m venv "$local/peers" &&
    "$local/peers/bin/pip" install --quiet --requirement benches/peers/requirements.txt; } >&2; then
    DAGSTER_UC_PYTHON=$local/peers/bin/python
fi
export DAGSTER_UC_PYTHON

bench=(cargo bench --package dagster-workspace-kube --features cli --bench cluster)
"${bench[@]}" --no-run >&2
load=$(cut -d ' ' -f 1 /proc/loadavg)
scripts/control-plane/with.sh "${bench[@]}" --quiet -- "$@" | tee "$folder/report.md"
[ $# -eq 0 ] || exit 0

programs=$(scripts/control-plane/get.sh)
{
    sed '/^## One run$/q' benches/CLUSTER.md
    printf '\nMachine: %s, %s cores, %s, %s, %s; load average of the minute before: %s.\n\n' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -m)" \
        "$(rustc --version)" "$("$programs/kube-apiserver" --version)" "$load"
    cat "$folder/report.md"
} >"$folder/new.md"
cp "$folder/new.md" benches/CLUSTER.md
