#!/usr/bin/env bash
# Stops what `make up` started and takes its folder away, and the containers and networks of its bays.
. "$(dirname "$0")/env.sh"
run="${JEROBOAM_RUN:-$PWD/.run}"
[ -d "$run" ] || { echo "down: nothing runs"; scripts/docker.sh down; exit 0; }

# Whose containers and networks are ours is known to the members as long as they run.
bays=$("$CARGO_TARGET_DIR/debug/jeroboam" status --json --bays 10000 --data-dir "$run/member-1" 2>/dev/null |
    grep -o '"bays":\[.*' | grep -o '"id":"[^"]*"' | cut -d'"' -f4) || true

member() { [[ "$(readlink "/proc/$1/exe" 2>/dev/null)" = */jeroboam* ]]; }

for file in "$run"/[0-9]*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    member "$pid" && kill "$pid" || true
done
for file in "$run"/[0-9]*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    for _ in $(seq 300); do member "$pid" || break; sleep 0.1; done
    if member "$pid"; then echo "down: $(basename "$file" .pid) did not stop in 30 s and is killed"; kill -9 "$pid"; fi
done
for bay in $bays; do
    label="label=jeroboam.cluster=$bay"
    as_root docker ps -aq --filter "$label" | xargs -r docker rm -f >/dev/null
    as_root docker network ls -q --filter "$label" | xargs -r docker network rm >/dev/null
done
balancer=$(cat "$run/haproxy.pid" 2>/dev/null) || true
[ "$(cat "/proc/${balancer:-none}/comm" 2>/dev/null)" = haproxy ] && kill "$balancer"
rm -rf "$run"
echo "down: three members stopped, $run is gone"
scripts/docker.sh down
