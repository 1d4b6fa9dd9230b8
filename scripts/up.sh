#!/usr/bin/env bash
# Three members on this machine, to play with: mutual TLS between them, REST on 9521, 9531 and 9541, a load balancer before them on 9511.
# `make down` takes them away.
. "$(dirname "$0")/env.sh"
run="${JEROBOAM_RUN:-$PWD/.run}"
scripts/install.sh
scripts/docker.sh up
cargo build --locked -q --workspace --bin jeroboam
jeroboam="$CARGO_TARGET_DIR/debug/jeroboam"
mkdir -p "$run"

# The link ends in " (deleted)" when the program was built again since.
alive() { [ -s "$run/$1.pid" ] && [[ "$(readlink "/proc/$(cat "$run/$1.pid")/exe" 2>/dev/null)" = "$(readlink -f "$jeroboam")"* ]]; }

ready() {
    for _ in $(seq 300); do
        curl -fsS "http://127.0.0.1:$2/readyz" >/dev/null 2>&1 && return 0
        alive "$1" || break
        sleep 0.1
    done
    tail -n 3 "$run/member-$1.log" >&2
    fail "member $1 is not ready; its log is $run/member-$1.log"
}

# start NUMBER REST-PORT FLAG…
start() {
    local number=$1 port=$2
    shift 2
    setsid "$jeroboam" server --name "member-$number" --data-dir "$run/member-$number" --tokens "$run/tokens.toml" \
        --listen "127.0.0.1:$port" --peer-listen "127.0.0.1:$((port + 1))" --tls-dir "$run/pki/member-$number" \
        --log-format human "$@" >>"$run/member-$number.log" 2>&1 </dev/null &
    echo $! >"$run/$number.pid"
    ready "$number" "$port"
}

[ -e "$run/pki/ca.key" ] || { "$jeroboam" pki init --dir "$run/pki" && "$jeroboam" pki member 1 2 3 --dir "$run/pki"; } >/dev/null
[ -e "$run/tokens.toml" ] || for who in "admin admin" "demo member"; do
    read -r project role <<<"$who"
    printf '[[token]]\ntoken = "%s-token"\nproject_id = "%s"\nuser_id = "%s"\nroles = ["%s"]\n\n' "$project" "$project" "$project" "$role"
done >"$run/tokens.toml"

waits=()
for number in 1 2 3; do
    port=$((9511 + 10 * number))
    alive "$number" && continue
    if [ -e "$run/member-$number/IDENTITY" ]; then
        # All at once: one alone has no majority to be ready with.
        start "$number" "$port" &
        waits+=($!)
    elif [ "$number" = 1 ]; then
        start 1 "$port" --bootstrap
    else
        start "$number" "$port" --token "$("$jeroboam" member add --quiet --data-dir "$run/member-1")"
    fi
done
for job in "${waits[@]}"; do wait "$job" || exit 1; done

balanced() { curl -fsS "http://127.0.0.1:9511/healthcheck" >/dev/null 2>&1; }
if ! balanced; then
    JEROBOAM_FRONT=127.0.0.1:9511 JEROBOAM_1=127.0.0.1:9521 JEROBOAM_2=127.0.0.1:9531 JEROBOAM_3=127.0.0.1:9541 \
        setsid haproxy -db -f deploy/haproxy.cfg >"$run/haproxy.log" 2>&1 </dev/null &
    echo $! >"$run/haproxy.pid"
    for _ in $(seq 100); do balanced && break; sleep 0.1; done
    balanced || { tail -n 5 "$run/haproxy.log" >&2; fail "the load balancer does not answer; its log is $run/haproxy.log"; }
fi

"$jeroboam" status --data-dir "$run/member-1"
cat <<TEXT

The load balancer at http://127.0.0.1:9511 and each member (:9521, :9531, :9541) answer everything. Try:

  T='X-Auth-Token: demo-token'; J='Content-Type: application/json'; A=http://127.0.0.1:9511
  curl -s -H "\$T" -H "\$J" \$A/v1/baymodels -d '{"name":"small","coe":"swarm","image_id":"jeroboam/busybox:1","keypair_id":"me"}'
  curl -s -H "\$T" -H "\$J" \$A/v1/bays -d '{"name":"web","baymodel_id":"small"}'
  curl -s -H "\$T" http://127.0.0.1:9531/v1/bays/web
  curl -s -H "\$T" -H "\$J" \$A/v1/containers -d '{"name":"c1","image":"jeroboam/busybox:1","bay_uuid":"web","command":"sleep 1000"}'
  curl -s -H "\$T" -X PUT \$A/v1/containers/c1/start
  curl -s -H "\$T" -X PUT "http://127.0.0.1:9541/v1/containers/c1/execute?command=uname+-a"

  $jeroboam status --data-dir $run/member-1
  kill -9 \$(cat $run/1.pid); make up        # and it comes back

Logs: $run/member-1.log …   Stop and take everything away: make down
TEXT
