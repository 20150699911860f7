#!/bin/sh
# Instructions of one task, which a busy machine does not change: `benches/instructions.sh [TOOL [SIZE]]`. Needs valgrind.
# What making the document takes is counted by itself and taken off.
set -eu
cd "$(dirname "$0")/.."
tool=${1:-dagster-workspace-core}
size=${2:-2500}
program=$(cargo bench --quiet -p benches --bench compare --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*compare[^"]*\)".*/\1/p' | tail -n 1)
count() {
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$program" once "$@" 2>&1 |
        sed -n 's/.*I *refs: *//p' | tr -d ,
}
none=$(count none none "$size")
for task in parse append set-tag remove; do
    # Prints the reason where the tool cannot do it.
    "$program" once "$tool" "$task" "$size" || continue
    echo "$tool, $task, $size deployments: $(($(count "$tool" "$task" "$size") - none)) instructions"
done
