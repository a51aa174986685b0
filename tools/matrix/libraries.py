"""The C libraries inside a wheel: pinned sources, compiled for the wheel's platform as archives.

Each comes from a source package of PyPI that carries the upstream files, since one client then
fetches everything on every machine. A package's digest is pinned, so its files are too. Only what
Relive calls is linked. docs/install.md lists the same versions."""

import collections
import concurrent.futures
import glob
import hashlib
import os
import shutil

from environments import BUILD, Failed, pip, run

SOURCES = os.path.join(BUILD, "wheels", "sources")

# `files`: of the library, below `folder`. `copied`: {name in the include folder: file}.
Library = collections.namedtuple(
    "Library",
    "name version licence licence_file homepage package digest folder files copied flags pc",
)

_PCRE2 = (
    "auto_possess chkdint compile compile_cgroup compile_class config context convert dfa_match"
    " error extuni find_bracket maketables match match_data match_next newline ord2utf pattern_info"
    " script_run serialize string_utils study substitute substring tables ucd valid_utf xclass"
).split()

LIBRARIES = [
    Library(
        name="zstd",
        version="1.5.7",
        licence="BSD-3-Clause",
        licence_file="zstd/LICENSE",
        homepage="https://facebook.github.io/zstd/",
        package="zstandard==0.25.0",
        digest="7713e1179d162cf5c7906da876ec2ccb9c3a9dcbdffef0cc7f70c3667a205f0b",
        folder="zstd",
        files=["zstd.c"],
        copied={"zstd.h": "zstd/zstd.h", "zstd_errors.h": "zstd/zstd_errors.h"},
        flags=["-DZSTDLIB_VISIBLE=", "-DZSTDERRORLIB_VISIBLE=", "-DZDICTLIB_VISIBLE="],
        pc="libzstd",
    ),
    Library(
        name="pcre2",
        version="10.47",
        licence="BSD-3-Clause",
        licence_file="src/libpcre2/LICENCE.md",
        homepage="https://pcre2project.github.io/pcre2/",
        package="pcre2==0.7.1",
        digest="69ced4288892e2571dd792e7bfb12371bb059f226204bf03300664177c508b64",
        folder="src/libpcre2/src",
        # Without the just-in-time compiler, which Relive does not use.
        files=["pcre2_chartables.c.dist", *(f"pcre2_{name}.c" for name in _PCRE2)],
        copied={
            "pcre2.h": "src/libpcre2/src/pcre2.h.generic",
            "config.h": "src/libpcre2/src/config.h.generic",
        },
        flags=[
            "-DHAVE_CONFIG_H", "-DPCRE2_CODE_UNIT_WIDTH=8", "-DPCRE2_STATIC", "-DSUPPORT_UNICODE",
        ],
        pc="libpcre2-8",
    ),
    Library(
        name="xxhash",
        version="0.8.4",
        licence="BSD-2-Clause",
        licence_file="deps/xxhash/LICENSE",
        homepage="https://xxhash.com/",
        package="xxhash==4.1.0",
        digest="c9b288e4c1f5dae54417bc8a05e6f6daf505783d916b4783f4dd2f2e7d5db486",
        folder="deps/xxhash",
        files=[],  # its header is all of it
        copied={"xxhash.h": "deps/xxhash/xxhash.h"},
        flags=[],
        pc="libxxhash",
    ),
]  # fmt: skip

# Hidden names stay inside the one shared object; sections that nobody calls are dropped.
FLAGS = ["-O3", "-fPIC", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", "-w"]


def digest_of(path):
    """Returns the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def fetch(library, log):
    """Returns the folder with a library's unpacked package; fetches it where it is not there."""
    name, _, version = library.package.partition("==")
    archive = os.path.join(SOURCES, f"{name}-{version}.tar.gz")
    if not (os.path.exists(archive) and digest_of(archive) == library.digest):
        words = ["download", "-q", "--no-deps", "--no-binary", name, "-d", SOURCES]
        run([pip(), *words, library.package], log)
    if digest_of(archive) != library.digest:
        raise Failed(f"{archive} has another SHA-256 than the pinned one")
    folder = os.path.join(SOURCES, f"{name}-{version}")
    if not os.path.isdir(folder):
        shutil.unpack_archive(archive, SOURCES)
    return folder


def build(target, log):
    """Compiles the libraries for a target; returns the folder that pkg-config looks into."""
    top = os.path.join(BUILD, "wheels", "libraries", target.name)
    include, found = os.path.join(top, "include"), os.path.join(top, "pkgconfig")
    stamp, want = os.path.join(top, "stamp"), repr((LIBRARIES, FLAGS, target))
    if os.path.exists(stamp) and open(stamp).read() == want:
        return found
    shutil.rmtree(top, ignore_errors=True)
    for folder in (include, found):
        os.makedirs(folder)
    for library in LIBRARIES:
        source = fetch(library, log)
        for name, path in library.copied.items():
            shutil.copy(os.path.join(source, path), os.path.join(include, name))
        compile_archive(library, source, target, top, log)
        write_description(library, top, found)
    with open(stamp, "w") as file:
        file.write(want)
    return found


def compile_archive(library, source, target, top, log):
    """Makes lib/libNAME.a of a library's files; nothing for one that is a header."""
    objects = os.path.join(top, "objects", library.name)
    os.makedirs(objects)
    base = [*target.compiler, *FLAGS, *library.flags, f"-ffile-prefix-map={SOURCES}=."]
    base += ["-I", os.path.join(top, "include"), "-I", os.path.join(source, library.folder)]

    def compile_one(file):
        made = os.path.join(objects, file.partition(".")[0] + ".o")
        path = os.path.join(source, library.folder, file)
        run([*base, "-x", "c", "-c", path, "-o", made], log, env=target.environ())
        return made

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        made = list(pool.map(compile_one, library.files))
    if made:
        os.makedirs(os.path.join(top, "lib"), exist_ok=True)
        name = library.pc[len("lib") :]
        archive = os.path.join(top, "lib", f"lib{name}.a")
        run([*target.archiver, "rcs", archive, *sorted(made)], log, env=target.environ())


def write_description(library, top, found):
    """Writes the file by which pkg-config finds a library."""
    name = library.pc[len("lib") :]
    rows = [
        f"Name: {library.name}",
        f"Description: {library.homepage}",
        f"Version: {library.version}",
        f"Cflags: -I{top}/include" + (" -DPCRE2_STATIC" if library.name == "pcre2" else ""),
        f"Libs: -L{top}/lib -l{name}" if library.files else "Libs:",
    ]
    with open(os.path.join(found, library.pc + ".pc"), "w") as file:
        file.write("\n".join(rows) + "\n")


def licences():
    """Returns {name in the wheel: path} of the licence of each library."""
    found = {}
    for library in LIBRARIES:
        name = library.package.replace("==", "-")
        path = os.path.join(SOURCES, name, library.licence_file)
        if not glob.glob(path):
            raise Failed(f"{path} is missing: {library.name} has no licence text")
        found[f"{library.name}/{os.path.basename(path)}"] = path
    return found
