#!/bin/sh
# Measures everything and puts the report behind `## One run` in `benches/README.md`.
set -eu
cd "$(dirname "$0")/.."
report=$(cargo bench --quiet -p benches --bench compare)
merges=$(cargo bench --quiet -p benches --bench merge)
head=$(sed '/^## One run$/q' benches/README.md)
printf '%s\n\n%s\n\n### Merge\n\n%s\n' "$head" "$report" "$merges" > benches/README.md
