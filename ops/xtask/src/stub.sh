#!/bin/bash
# A stand-in for the binary `exchequer`: identity files, a server that waits for SIGTERM, answers from the files.
set -euo pipefail
me=$(dirname "$0")
verb="" data="" name="" ca="" words=()
while [ $# -gt 0 ]; do
    case $1 in
        --data-dir) data=$2; shift ;;
        --name) name=$2; shift ;;
        --ca-cert) ca=$2; shift ;;
        --token | --api | --peer | --address | --token-file | --output | --reason) shift ;;
        --*) ;;
        *) words+=("$1") ;;
    esac
    shift
done
verb=${words[*]:0:2}
# The cluster is the folder above the nodes' folders.
cluster=$(dirname "${data:-$(dirname "${ca:-/}")}")

identity() {
    mkdir -p "$data"
    id=$(find "$cluster" -name identity.toml | wc -l)
    printf 'node_id = %d\nname = "%s"\nborn = "%s"\n' "$((id + 1))" "$name" "$(date +%s%N)" > "$data/identity.toml"
    echo authority > "$data/ca.pem"
}

case $verb in
    init)
        identity
        echo '{"cluster_id":"00112233445566778899aabbccddeeff","node_id":1,"operator_token":"t","ca_fingerprint":"f"}'
        ;;
    join*) identity ;;
    server)
        if [ -e "$me/refuse" ]; then
            echo "EXQ-0103: the address is in use" >&2
            exit 1
        fi
        trap 'exit 0' TERM
        while :; do sleep 0.05; done
        ;;
    status) [ ! -e "$me/refuse" ] ;;
    "cluster token") echo '{"token":"j","expires_at":"2030-01-01T00:00:00Z"}' ;;
    "cluster peers")
        state=leader rows=""
        for file in "$cluster"/n*/identity.toml; do
            id=$(sed -n 's/^node_id = //p' "$file") node=$(sed -n 's/^name = "\(.*\)"/\1/p' "$file")
            rows="$rows,{\"node\":\"$node\",\"id\":$id,\"state\":\"$state\",\"voter\":true}"
            state=follower
        done
        echo "[${rows#,}]"
        ;;
    "settings set")
        value=${words[3]}
        echo "$value" > "$cluster/setting"
        ;;
    "settings get") echo "{\"value\":\"$(cat "$cluster/setting")\"}" ;;
    completions*) echo "# completions for ${words[1]}" ;;
    *)
        echo "no such verb: $verb" >&2
        exit 64
        ;;
esac
