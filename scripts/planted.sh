#!/usr/bin/env bash
# Plants known bugs in a test build, one after the other, and shows the check that finds each. Arguments: only these (m8 m18).
. "$(dirname "$0")/env.sh"
mkdir -p "$JEROBOAM_CACHE/logs"
messages="$JEROBOAM_CACHE/logs/planted.json"
cargo build --locked -p tests --bin planted
crates=(model conductor drivers api)
cargo test --locked "${crates[@]/#/-p}" --features "$(IFS=,; echo "${crates[*]/%//faults}")" \
    --test it --test conducting --test adopting --no-run --message-format=json >"$messages"
exec "$CARGO_TARGET_DIR/debug/planted" "$messages" "$@"
