#!/usr/bin/env bash
# Builds a real kube-apiserver and kube-controller-manager (v1.20.2) with etcd from Debian bookworm's packages:
# the source package `kubernetes` carries the whole upstream tree, vendored. Nothing else is downloaded.
#
#   build.sh WORK BIN     WORK: scratch, about 1.7 GB     BIN: receives the three programs
#
# About 3 minutes on two idle cores, 7 under load. Needs no root and no Go on the machine; apt's own state stays as it is.
# Vendored reflect2 1.0.1 crashes at random when built with Go 1.18 or later: Debian's reflect2 1.0.2 takes its place.
set -euo pipefail
work=$(realpath -m "$1") bin=$(realpath -m "$2")
mkdir -p "$work" "$bin"; cd "$work"
say() { echo "[${SECONDS}s] $*"; }

# a private apt configuration with the source packages switched on, lists of its own
mkdir -p apt/parts apt/lists/partial apt/cache/archives/partial
for sources in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
  grep -q 'debian-archive-keyring' "$sources" && sed 's/^Types:.*/Types: deb deb-src/' "$sources" > apt/parts/debian.sources && break
done
printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "%s";\nDir::State::lists "%s";\nDir::Cache "%s";\n' \
  "$work/apt/parts" "$work/apt/lists" "$work/apt/cache" > apt/conf
APT_CONFIG=$work/apt/conf apt-get -q update >/dev/null
APT_CONFIG=$work/apt/conf apt-get -q source --download-only kubernetes >/dev/null 2>&1
APT_CONFIG=$work/apt/conf apt-get -q download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" debian; done
say "downloaded"

src=$work/gopath/src/k8s.io/kubernetes; mkdir -p "$src"
tar xf kubernetes_1.20*.orig.tar.gz -C "$src" --strip-components=1
rm -rf "$src/vendor/github.com/modern-go/reflect2"
cp -rL debian/usr/share/gocode/src/github.com/modern-go/reflect2 "$src/vendor/github.com/modern-go/reflect2"
rm -f "$src"/vendor/github.com/modern-go/reflect2/*_test.go
say "unpacked"

export GOROOT=$work/debian/usr/lib/go-1.19 GOPATH=$work/gopath GO111MODULE=off GOCACHE=$work/gocache GOPROXY=off \
  GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS= PATH=$work/debian/usr/lib/go-1.19/bin:$PATH
cd "$src"
# the one generated file that the source package lacks
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
dirs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io/ pkg | grep -vE 'code-generator|sample-apiserver|_test.go' \
  | xargs -n1 dirname | sort -u | sed -E 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' | paste -sd,)
"$work/openapi-gen" -i "$dirs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations"
say "generated"
v=k8s.io/kubernetes/vendor/k8s.io
ld="-s -w -X $v/component-base/version.gitVersion=v1.20.2 -X $v/component-base/version.gitMajor=1 -X $v/component-base/version.gitMinor=20 -X $v/client-go/pkg/version.gitVersion=v1.20.2"
for program in kube-apiserver kube-controller-manager; do
  go build -trimpath -tags providerless -ldflags "$ld" -o "$bin/$program" "./cmd/$program"; say "$program built"
done
cp "$work/debian/usr/bin/etcd" "$bin/etcd"
