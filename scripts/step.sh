# Sourced: one line per step with its time; what a step prints is shown when it fails, or while it runs with VERBOSE=1.
logs="$JEROBOAM_CACHE/logs"
mkdir -p "$logs"

step() {
    local name="$1" log began status=0
    shift
    log="$logs/${name// /-}.log"
    began=$SECONDS
    printf '%-34s' "$name"
    if [ -n "${VERBOSE:-}" ]; then echo; "$@" 2>&1 | tee "$log" || status=$?; else "$@" >"$log" 2>&1 </dev/null || status=$?; fi
    if [ "$status" = 0 ]; then
        printf 'ok   %4d s\n' $((SECONDS - began))
    else
        printf 'FAILED after %d s\n' $((SECONDS - began))
        tail -n 60 "$log"
        echo "the whole output: $log"
        exit 1
    fi
}
