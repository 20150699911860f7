#!/usr/bin/env bash
# Runs etcd, kube-apiserver and, where it is there, kube-controller-manager on 127.0.0.1 until the standard input ends: so
# they end with whoever started them, however that ends. Prints `ready` once requests are answered.
#
#   run.sh FOLDER API_PORT ETCD_PORT PEER_PORT      (KUBEBUILDER_ASSETS: the folder with the programs)
#
# Leaves FOLDER/kubeconfig, cluster-admin by a static token, and FOLDER/*.log while it runs, and nothing afterwards. Needs
# curl, openssl and python3. APISERVER_FLAGS and KCM_FLAGS are given to the programs. FOLDER/routes/IP/PORT, a file with a
# port, makes the API server's proxy find 127.0.0.1 and that port behind the pod's address.
set -euo pipefail
relay=$(cd "$(dirname "$0")" && pwd)/relay.py
folder=$1 port=$2 etcd_port=$3 peer_port=$4
programs=${KUBEBUILDER_ASSETS:?the folder with etcd and kube-apiserver}
mkdir -p "$folder"
cd "$folder"

started=()
finish() {
    # By process id, the last first; a second signal for one that hangs.
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[i]}" 2>/dev/null || true; done
    for _ in $(seq 50); do
        [ -z "$(jobs -pr)" ] && break
        sleep 0.1
    done
    for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# start NAME PROGRAM ARGUMENTS...: in the background, without the standard input, which says when to end.
start() {
    local name=$1
    shift
    "$@" >"$name.log" 2>&1 </dev/null &
    started+=($!)
}

# knows PROGRAM OPTION: whether its help names the option. Read to the end: a program whose reader leaves dies, and that counts.
knows() {
    [[ $("$programs/$1" --help 2>&1) == *"$2"* ]]
}

{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=test-ca
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=kube-apiserver
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out server.crt \
        -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost,IP:10.0.0.1")
    openssl genrsa -out accounts.key 2048
} 2>openssl.log || { cat openssl.log >&2; exit 1; }
echo "admintoken,admin,admin,system:masters" >tokens.csv

mkdir routes
cat >egress.yaml <<END
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport: {uds: {udsName: "$folder/egress.sock"}}
END

etcd_url=http://127.0.0.1:$etcd_port peer_url=http://127.0.0.1:$peer_port
fast=()
# Nothing here is to survive a power cut.
knows etcd unsafe-no-fsync && fast=(--unsafe-no-fsync)
start etcd "$programs/etcd" --data-dir "$folder/etcd" --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
    --listen-peer-urls "$peer_url" --initial-advertise-peer-urls "$peer_url" --initial-cluster "default=$peer_url" \
    --log-level warn "${fast[@]}"

# shellcheck disable=SC2086 # flags are words
start apiserver "$programs/kube-apiserver" --etcd-servers="$etcd_url" --bind-address=127.0.0.1 \
    --advertise-address=127.0.0.1 --secure-port="$port" --tls-cert-file=server.crt --tls-private-key-file=server.key \
    --client-ca-file=ca.crt --token-auth-file=tokens.csv --authorization-mode=RBAC \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.key \
    --service-account-signing-key-file=accounts.key --service-cluster-ip-range=10.0.0.0/16 --allow-privileged=true \
    --egress-selector-config-file=egress.yaml --disable-admission-plugins=ServiceAccount ${APISERVER_FLAGS:-}

cat >kubeconfig <<END
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$folder/ca.crt"}}]
users: [{name: admin, user: {token: admintoken}}]
contexts: [{name: test, context: {cluster: test, user: admin, namespace: default}}]
current-context: test
END

ready() {
    curl --silent --max-time 2 --cacert ca.crt -H 'Authorization: Bearer admintoken' \
        "https://127.0.0.1:$port/readyz" 2>/dev/null | grep -q '^ok'
}
for ((i = 0; ; i++)); do
    ready && break
    if [ "$(jobs -pr | wc -l)" -lt 2 ] || [ "$i" -ge 900 ]; then
        tail -n 20 etcd.log apiserver.log >&2
        exit 1
    fi
    sleep 0.1
done

start relay python3 "$relay" "$folder/egress.sock" "$folder/routes"
until [ -S egress.sock ]; do
    kill -0 "${started[-1]}" 2>/dev/null || { cat relay.log >&2; exit 1; }
    sleep 0.1
done

if [ -x "$programs/kube-controller-manager" ]; then
    # Without ports of its own: two control planes would want the same ones.
    ports=(--secure-port=0)
    knows kube-controller-manager '--port int' && ports+=(--port=0)
    # shellcheck disable=SC2086 # flags are words
    start kcm "$programs/kube-controller-manager" --kubeconfig=kubeconfig --leader-elect=false "${ports[@]}" \
        --kube-api-qps=500 --kube-api-burst=500 \
        --service-account-private-key-file=accounts.key --root-ca-file=ca.crt --use-service-account-credentials=false \
        --controllers=deployment,replicaset,statefulset,daemonset,namespace,garbagecollector,endpoint ${KCM_FLAGS:-}
fi
echo ready

# Until whoever started this closes the pipe, or is gone.
cat >/dev/null
