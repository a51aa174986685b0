#!/bin/sh
# layers.sh ROOT ROOM HEADER NEEDED...
# Compiles with the include path that the build gives to ROOM, which NEEDED names. HEADER must not
# be found, and what ROOM may see must be found.
root=$1 room=$2 header=$3
shift 3
flags="-I$root/include -I$root/src/$room"
for name in "$@"; do flags="$flags -I$root/src/$name"; done
own=$(ls "$root/src/$room"/*.h | head -1)
printf '#include "%s"\n' "$(basename "$own")" | cc $flags -fsyntax-only -xc - || exit 1
if printf '#include "%s"\n' "$header" | cc $flags -fsyntax-only -xc - 2>/dev/null; then
    echo "$room can include $header"
    exit 1
fi
