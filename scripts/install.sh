#!/usr/bin/env bash
# Installs what a Debian machine with a Rust toolchain lacks for building, testing and trying Jeroboam. Does nothing when all is there.
. "$(dirname "$0")/env.sh"

# what is looked for : the package that has it
needs() {
    cat <<'LIST'
command:g++             g++
command:make            make
command:git             git
command:curl            curl
command:pkg-config      pkg-config
command:ccache          ccache
library:libclang        libclang-dev
command:dockerd         docker.io
command:iptables        iptables
command:/bin/busybox    busybox-static
command:etcd            etcd-server
command:haproxy         haproxy
command:wrk             wrk
command:mkfs.ext4       e2fsprogs
command:perl            perl
command:python3         python3
python:ensurepip        python3-venv
LIST
}

# The library itself, perhaps with its version in the name, and not one whose name only begins alike: libclang-cpp does not serve bindgen.
has_library() {
    local found
    found="$(ldconfig -p 2>/dev/null | awk '{print $1}'; ls /usr/lib/llvm-*/lib 2>/dev/null)" || true
    grep -qE "^$1(-[0-9.]+)?\.so" <<<"$found"
}

missing=()
while read -r what package; do
    case "$what" in
        command:*) command -v "${what#command:}" >/dev/null || missing+=("$package") ;;
        library:*) has_library "${what#library:}" || missing+=("$package") ;;
        python:*) python3 -c "import ${what#python:}" 2>/dev/null || missing+=("$package") ;;
    esac
done < <(needs)

if [ "${#missing[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || fail "this machine has no apt-get; please install the like of: ${missing[*]}"
    echo "install: ${missing[*]} (apt-get, a minute or two)"
    log="$JEROBOAM_CACHE/install.log"
    # What only tests and demonstrations start must not be left running as a system service.
    [ -d /run/systemd/system ] && [[ " ${missing[*]} " = *" etcd-server "* ]] && as_root systemctl mask --runtime --quiet etcd etcd-server || true
    [ -d /run/systemd/system ] && [[ " ${missing[*]} " = *" haproxy "* ]] && as_root systemctl mask --runtime --quiet haproxy || true
    apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; }
    : >"$log"
    if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
        tail -n 15 "$log" >&2
        fail "apt-get failed; the whole log is $log"
    fi
fi

command -v cargo >/dev/null || fail "there is no Rust toolchain; see https://rustup.rs, then try again"
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(rustc --version | awk '{print $2}')
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] || fail "Rust $wanted or newer is needed, this is $found (rustup update)"
for part in clippy rustfmt; do
    cargo "${part/rust/}" --version >/dev/null 2>&1 || { command -v rustup >/dev/null && rustup -q component add "$part" >/dev/null; } || true
done

# A disk that fills up in the middle of a build or a test says so in a hundred wrong ways.
wanted=6
free=$(df --output=avail -B1G "$JEROBOAM_CACHE" | tail -n 1)
[ "$free" -ge "$wanted" ] || fail "the disk of $JEROBOAM_CACHE has $free GiB free, $wanted are needed (25 to build and test from nothing); free some, or set JEROBOAM_CACHE"
