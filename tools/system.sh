#!/usr/bin/env bash
# Installs the system packages that a build needs, with the system's own client, where they are
# missing. With a first argument "tests": those of the tests too. A second one is "bench"
# (valgrind), "doors" (the broker of task queues) or "cross" (the emulator of other processors,
# another C library, and Wine).
set -eu
want="pkg-config:pkg-config libzstd-dev:libzstd libpcre2-dev:libpcre2-8 libxxhash-dev:libxxhash"
missing=""
for pair in $want; do
    package=${pair%%:*} check=${pair##*:}
    if [ "$check" = pkg-config ]; then
        command -v pkg-config >/dev/null 2>&1 || missing="$missing $package"
    else
        pkg-config --exists "$check" 2>/dev/null || missing="$missing $package"
    fi
done
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v make >/dev/null 2>&1 || missing="$missing make"
if [ "${1:-}" = tests ]; then
    command -v ccache >/dev/null 2>&1 || missing="$missing ccache"
    command -v fish >/dev/null 2>&1 || missing="$missing fish"
    command -v zsh >/dev/null 2>&1 || missing="$missing zsh"
    command -v unzip >/dev/null 2>&1 || missing="$missing unzip"
    command -v patchelf >/dev/null 2>&1 || missing="$missing patchelf"
    pkg-config --exists cmocka 2>/dev/null || missing="$missing libcmocka-dev"
fi
if [ "${2:-}" = bench ]; then
    command -v valgrind >/dev/null 2>&1 || missing="$missing valgrind"
fi
if [ "${2:-}" = doors ]; then
    command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
fi
if [ "${2:-}" = cross ]; then
    command -v qemu-aarch64 >/dev/null 2>&1 || missing="$missing qemu-user"
    command -v musl-gcc >/dev/null 2>&1 || missing="$missing musl-tools"
    command -v wine >/dev/null 2>&1 || missing="$missing wine wine64"
fi
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "relive: please install these packages (names as on Debian):$missing" >&2
    exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:$missing" >&2
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends \
    $missing >/dev/null
