# Shared by ops/box, ops/console, ops/demo, ops/drill and ops/test: the root, Debian packages, the build folder, timed
# steps. Sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/exchequer/target}

# What the build needs: bindgen reads headers with libclang, RocksDB is C++, mold links.
readonly BUILD_PACKAGES=(build-essential clang cmake libclang-dev mold pkg-config protobuf-compiler)
# What the drills on network namespaces and the fault tests need on top.
readonly DRILL_PACKAGES=(curl e2fsprogs faketime iproute2 mount nftables perl-base util-linux)

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: as it is for root, through sudo for others.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

# need_packages NAME...: installs what is missing. Needs the network only when something is.
need_packages() {
    command -v dpkg-query > /dev/null || die "this machine has no dpkg; install by hand: $*"
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2> /dev/null || true)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return 0
    say "installing: ${missing[*]}"
    as_root apt-get update --quiet=2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
}

need_rust() {
    command -v cargo > /dev/null || die "no Rust toolchain: see https://rustup.rs"
}

# What a build of everything and a run of the tests take on top of what is there already, in GB, with some to spare.
readonly ROOM_GB=24
# Below this nothing can be built.
readonly ROOM_GB_MIN=10

free_gb() { df --output=avail --block-size=1G "$CARGO_TARGET_DIR" | tail -n 1 | tr -d ' '; }

# make_room: a build folder only grows, as cargo keeps what was built of each state of the code. Where the disk is
# almost full, what was built of our own crates goes; the libraries, which take long to build, stay.
make_room() {
    mkdir -p "$CARGO_TARGET_DIR"
    [ "$(free_gb)" -lt "$ROOM_GB" ] || return 0
    say "$(free_gb) GB are free for $CARGO_TARGET_DIR: what was built of this repository is removed from it"
    cargo clean --quiet --workspace || say "cargo could not: what it built stays"
    rm -rf "$CARGO_TARGET_DIR"/*/incremental
    [ "$(free_gb)" -ge "$ROOM_GB_MIN" ] ||
        die "$(free_gb) GB are free for $CARGO_TARGET_DIR, and a build takes $ROOM_GB_MIN: make room, or name another folder by CARGO_TARGET_DIR"
}

# drill XTASK ARGUMENT...: namespaces need root. A build as root would leave root's files behind, so only the drill
# itself, which is built already, is run as root.
drill() {
    local xtask=$1
    shift
    if [ "$1" = run ] && [[ " $* " != *" vagrant "* ]] && [ "$(id -u)" != 0 ]; then
        as_root env CARGO_TARGET_DIR="$CARGO_TARGET_DIR" "$xtask" drill "$@"
    else
        "$xtask" drill "$@"
    fi
}

steps=()
skipped=()

# skip WHAT: it cannot be done on this machine. It is named at once, and at the end once more: what was skipped was not shown.
skip() {
    say "SKIPPED $1"
    skipped+=("$1")
}

# step NAME COMMAND...: runs it, shows what runs, keeps how long it took.
step() {
    local name=$1 begun=$SECONDS code=0
    shift
    say "== $name"
    "$@" || code=$?
    if [ "$code" = 0 ]; then steps+=("$(printf '%6d s  %s' $((SECONDS - begun)) "$name")"); else
        steps+=("$(printf '%6d s  %s (failed: %d)' $((SECONDS - begun)) "$name" "$code")")
    fi
    return "$code"
}

show_steps() {
    [ ${#steps[@]} = 0 ] && return 0
    say
    say "time of each step:"
    printf '%s\n' "${steps[@]}"
    [ ${#skipped[@]} = 0 ] && return 0
    say
    say "SKIPPED, and so not shown:"
    printf '  %s\n' "${skipped[@]}"
}
