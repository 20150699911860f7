#!/usr/bin/env bash
# Runs a command while a control plane runs, so that all tests of a run share one: nextest gives every test a process.
#
#   with.sh COMMAND ARGUMENTS...
#
# The command finds the folder of the control plane in DAGSTER_WORKSPACE_CONTROL_PLANE, and its exit code is that of this
# script. The control plane ends with this script, however that ends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

KUBEBUILDER_ASSETS=$("$here/get.sh")
export KUBEBUILDER_ASSETS
DAGSTER_WORKSPACE_CONTROL_PLANE=$(mktemp -d)
export DAGSTER_WORKSPACE_CONTROL_PLANE

# Three ports that nobody listens on; between finding and using them somebody else may take one.
for attempt in 1 2 3; do
    read -ra ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(server.getsockname()[1] for server in held))')
    coproc plane { exec bash "$here/run.sh" "$DAGSTER_WORKSPACE_CONTROL_PLANE" "${ports[@]}"; }
    # Where it has ended already, there is nothing to read from.
    if read -r line <&"${plane[0]}" && [ "$line" = ready ]; then
        break
    fi
    [ "$attempt" -lt 3 ] || exit 1
    wait "$plane_PID" || true
done
pid=$plane_PID end=${plane[1]}

code=0
"$@" {end}>&- || code=$?
# Nobody else holds this pipe: the control plane ends.
exec {end}>&-
wait "$pid" || true
exit "$code"
