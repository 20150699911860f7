#!/usr/bin/env bash
# Prints the folder that holds etcd, kube-apiserver and kube-controller-manager: KUBEBUILDER_ASSETS when that is set, else a
# folder in the user's cache, built at the first call. It lies outside `target`, so that cleaning and new checkouts keep it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    echo "$KUBEBUILDER_ASSETS"
    exit
fi

# Named by what it is built from: a change of the build builds again, and branches do not disturb each other.
hash=$(sha256sum "$here/build.sh" | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dagster-workspace
programs=$cache/control-plane-$hash
mkdir -p "$cache"

# One build at a time; whoever waited finds it done.
exec 9>"$cache/control-plane-$hash.lock"
flock 9
if [ ! -d "$programs" ]; then
    scratch=$(mktemp -d -p "$cache")
    trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
    echo "building a control plane into $programs, once: about 3 minutes, 1.7 GB of scratch" >&2
    nice -n 19 bash "$here/build.sh" "$scratch/work" "$scratch/programs" >&2 9>&-
    # Complete or absent: a build that was ended half way leaves nothing to be taken for one.
    mv "$scratch/programs" "$programs"
fi
echo "$programs"
