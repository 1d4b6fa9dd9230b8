#!/usr/bin/env bash
# A real Keystone for the tests: `keystone.sh up` installs it from the Python index into a folder of its own, if need be, and starts it on
# loopback with an empty database; `keystone.sh down` stops it and no other; `keystone.sh env` prints what the tests want to know.
. "$(dirname "$0")/env.sh"

version=30.0.0
home="$JEROBOAM_CACHE/keystone"
venv="$home/venv-$version"
run="$home/run"
port="${JEROBOAM_KEYSTONE_PORT:-15035}"
url="http://127.0.0.1:$port/v3"
password=only-for-tests

install_it() {
    [ -e "$venv/complete" ] && return 0
    echo "keystone: installing keystone $version (a minute or two)"
    rm -rf "$venv"
    mkdir -p "$home"
    local log="$home/install.log"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "keystone==$version" waitress; } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "keystone could not be installed; the whole log is $log"
    fi
    touch "$venv/complete"
}

# Cheap hashes and a cache, because the defaults are made for people who type passwords.
configure() {
    rm -rf "$run"
    mkdir -p "$run/tokens" "$run/credentials"
    cat >"$run/keystone.conf" <<CONF
[DEFAULT]
log_file = $run/keystone.log
[database]
connection = sqlite:///$run/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = $run/tokens
[credential]
key_repository = $run/credentials
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
CONF
    local me group
    me=$(id -un) group=$(id -gn)
    {
        manage db_sync
        manage fernet_setup --keystone-user "$me" --keystone-group "$group"
        manage credential_setup --keystone-user "$me" --keystone-group "$group"
        manage bootstrap --bootstrap-password "$password" --bootstrap-region-id here --bootstrap-public-url "$url"
    } >"$run/setup.log" 2>&1 || { tail -n 15 "$run/setup.log" >&2; fail "keystone could not be set up"; }
}

manage() { PYTHONWARNINGS=ignore "$venv/bin/keystone-manage" --config-file "$run/keystone.conf" "$@"; }

ours() { [ -s "$run/pid" ] && grep -qs keystone "/proc/$(cat "$run/pid")/cmdline"; }

start() {
    # The application reads the arguments of its process, so it is started without any. One request at a time: SQLite locks out a second writer.
    OS_KEYSTONE_CONFIG_DIR="$run" OS_KEYSTONE_CONFIG_FILES="$run/keystone.conf" PYTHONWARNINGS=ignore setsid "$venv/bin/python" -c "
from waitress import serve
from keystone.wsgi.api import application
serve(application, listen='127.0.0.1:$port', threads=1)" >"$run/server.log" 2>&1 </dev/null &
    echo $! >"$run/pid"
    for _ in $(seq 300); do
        curl -sf -o /dev/null "$url" && return 0
        kill -0 "$(cat "$run/pid")" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 15 "$run/server.log" >&2
    fail "keystone did not start"
}

case "${1:-}" in
    up)
        ours && exit 0
        curl -s -o /dev/null "$url" && fail "something else answers at $url; stop it, or set JEROBOAM_KEYSTONE_PORT"
        install_it
        configure
        start
        ;;
    env) echo "JEROBOAM_TEST_KEYSTONE=$url JEROBOAM_TEST_KEYSTONE_PASSWORD=$password" ;;
    down)
        ours || exit 0
        pid=$(cat "$run/pid")
        kill "$pid"
        for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
        rm -rf "$run"
        ;;
    *) fail "usage: keystone.sh up | env | down" ;;
esac
