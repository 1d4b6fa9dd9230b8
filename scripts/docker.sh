#!/usr/bin/env bash
# A Docker Engine for the demo and the tests: `docker.sh up` starts one if none answers and imports a small image, `docker.sh down` stops
# the one that `up` started and no other.
. "$(dirname "$0")/env.sh"

image=jeroboam/busybox:1
pid_file="$JEROBOAM_CACHE/dockerd.pid"
log="$JEROBOAM_CACHE/dockerd.log"

answers() { as_root docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

ours() { [ -s "$pid_file" ] && [ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" = dockerd ]; }

# A real machine's service manager starts what it has installed; elsewhere the engine is started by hand. Kernels of containers and small
# virtual machines lack one thing or the other, so less is asked for from attempt to attempt.
attempts() {
    echo ""
    echo "--iptables=false --ip6tables=false"
    echo "--iptables=false --ip6tables=false --storage-driver=vfs"
    echo "--iptables=false --ip6tables=false --storage-driver=vfs --bridge=none"
}

start() {
    if [ -d /run/systemd/system ] && as_root systemctl start docker 2>/dev/null; then
        for _ in $(seq 100); do answers && return 0; sleep 0.2; done
    fi
    local flags pid
    while IFS= read -r flags; do
        echo "docker: starting dockerd $flags"
        # shellcheck disable=SC2086 # the flags are words
        as_root sh -c "exec setsid dockerd -H unix:///var/run/docker.sock ${DOCKERD_FLAGS:-} $flags" >"$log" 2>&1 </dev/null &
        for _ in $(seq 150); do
            if answers; then
                pid=$(cat /var/run/docker.pid 2>/dev/null || pgrep -o -x dockerd || true)
                echo "$pid" >"$pid_file"
                return 0
            fi
            kill -0 $! 2>/dev/null || break
            sleep 0.2
        done
        kill -0 $! 2>/dev/null && { as_root kill $! 2>/dev/null; wait $! 2>/dev/null; }
    done < <(attempts)
    tail -n 5 "$log" >&2
    fail "no Docker Engine could be started; the whole log is $log"
}

# An image that needs no registry: one static program and the names it goes by.
import_image() {
    as_root docker image inspect "$image" >/dev/null 2>&1 && return 0
    local root
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,tmp,etc,proc,sys,dev}
    cp /bin/busybox "$root/bin/busybox"
    for name in $("$root/bin/busybox" --list); do [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"; done
    echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
    tar -C "$root" -c . | as_root docker import --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/bin' - "$image" >/dev/null
    rm -rf "$root"
    echo "docker: image $image imported"
}

case "${1:-}" in
    up)
        answers || start
        import_image
        ;;
    started) ours ;;
    down)
        ours || exit 0
        pid=$(cat "$pid_file")
        as_root kill "$pid"
        for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
        rm -f "$pid_file"
        echo "docker: stopped"
        ;;
    *) fail "usage: docker.sh up | started | down" ;;
esac
