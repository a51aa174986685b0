"""Wheels: what is put into them, what is refused, and what a build says that lacks packages."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile

import environments
import libraries
import pytest
import seal
import targets
import wheels
from environments import ROOT, Failed

METADATA = "Metadata-Version: 2.1\nName: relive\nLicense: MIT\nRequires-Python: >=3.8\n\n# Hi\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-linux_x86_64\n"
EPOCH = 1_700_000_000


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """A wheel as meson-python makes it, with a compiled file that is a text."""
    path = tmp_path / "relive-9-cp312-cp312-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("relive/__init__.py", "")
        archive.writestr("relive/_core.cpython-312-x86_64-linux-gnu.so", "code")
        archive.writestr("relive-9.dist-info/METADATA", METADATA)
        archive.writestr("relive-9.dist-info/WHEEL", WHEEL)
        archive.writestr("relive-9.dist-info/RECORD", "old,,\n")
    monkeypatch.setattr(seal, "licences", lambda: {"zstd/LICENSE": os.path.join(ROOT, "LICENSE")})
    return path


def read(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_sealed_wheel_has_tag_licences_parts_and_a_true_record(plain, tmp_path):
    made = seal.seal(plain, targets.NATIVE, tmp_path / "out", EPOCH)
    assert os.path.basename(made) == "relive-9-cp312-cp312-manylinux_2_17_x86_64.whl"
    files = read(made)
    text = files["relive-9.dist-info/WHEEL"].decode()
    assert text.endswith("Root-Is-Purelib: false\nTag: cp312-cp312-manylinux_2_17_x86_64\n")
    assert "relive-9.dist-info/licenses/zstd/LICENSE" in files
    metadata = files["relive-9.dist-info/METADATA"].decode()
    assert metadata.startswith("Metadata-Version: 2.4\nName: relive\n")
    assert "\nLicense-Expression: MIT AND BSD-2-Clause AND BSD-3-Clause\n" in metadata
    assert "\nLicense-File: zstd/LICENSE\n\n# Hi\n" in metadata and "\nLicense: " not in metadata
    record = list(csv.reader(io.StringIO(files["relive-9.dist-info/RECORD"].decode())))
    assert sorted(row[0] for row in record) == sorted(files)
    for name, digest, size in record[:-1]:
        assert int(size) == len(files[name]) and digest.startswith("sha256=")
    assert record[-1] == ["relive-9.dist-info/RECORD", "", ""]


def test_the_same_input_gives_the_same_bytes(plain, tmp_path):
    made = [seal.seal(plain, targets.NATIVE, tmp_path / name, EPOCH) for name in "ab"]
    with open(made[0], "rb") as one, open(made[1], "rb") as other:
        assert one.read() == other.read()


def test_another_target_replaces_the_compiled_file(plain, tmp_path):
    target = targets.TARGETS["musllinux-x86_64"]
    other = ("_core.cpython-312-x86_64-linux-musl.so", b"other")
    made = seal.seal(plain, target, tmp_path / "out", EPOCH, other)
    assert made.endswith("cp312-cp312-musllinux_1_2_x86_64.whl")
    assert seal.compiled(made) == ("relive/_core.cpython-312-x86_64-linux-musl.so", b"other")


def test_the_list_of_parts_names_each_library_with_version_and_licence():
    document = json.loads(json.dumps(seal.bill("9", "cp312-cp312-any", EPOCH)))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = {
        part["name"]: (part["version"], part["licenses"][0]["license"]["id"])
        for part in document["components"]
    }
    with open(os.path.join(ROOT, "docs", "install.md"), encoding="utf-8") as file:
        page = file.read()
    assert set(found) == {"zstd", "pcre2", "xxhash"}
    for library in libraries.LIBRARIES:
        assert found[library.name] == (library.version, library.licence)
        assert f"| {library.version} | {library.licence} |" in page
    refs = {document["metadata"]["component"]["bom-ref"]}
    refs |= {part["bom-ref"] for part in document["components"]}
    assert {row["ref"] for row in document["dependencies"]} == refs


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ({"nm": ["0 T PyInit__core", "1 T ZSTD_compress"]}, "exports PyInit__core ZSTD_compress"),
        ({"readelf": ["0x1d (RUNPATH) Library runpath: [/opt]"]}, "folders of this machine"),
        ({"policy": "manylinux_2_34_x86_64"}, "is not manylinux_2_17_x86_64"),
        ({"wanted": ["U PyList_New", "U free@GLIBC_2.2.5", "U pack_new"]}, "lacks pack_new"),
        ({"size": (2_000_001, 1)}, "too large"),
        ({"size": (1, 6_000_001)}, "too large"),
        ({}, None),
    ],
)
def test_a_wheel_that_misses_a_rule_is_refused(lines, why, monkeypatch):
    given = {"nm": ["0 T PyInit__core"], "readelf": [], "policy": "is manylinux_2_17_x86_64"}
    given = {"size": (1, 1), "wanted": [], **given, **lines}

    def inspect(wheel, name, *words):
        return given["wanted" if "--undefined-only" in words else name]

    monkeypatch.setattr(wheels, "inspect", inspect)
    monkeypatch.setattr(wheels, "policy", lambda wheel: given["policy"])
    monkeypatch.setattr(wheels, "sizes", lambda wheel: given["size"])
    if why is None:
        wheels.check("a.whl", targets.NATIVE)
    else:
        with pytest.raises(Failed, match=why):
            wheels.check("a.whl", targets.NATIVE)


def test_a_source_with_another_digest_is_refused(monkeypatch, tmp_path):
    library = libraries.LIBRARIES[0]

    def download(words, log):
        (tmp_path / "zstandard-0.25.0.tar.gz").write_bytes(b"other")

    monkeypatch.setattr(libraries, "SOURCES", str(tmp_path))
    monkeypatch.setattr(libraries, "pip", lambda: "pip")
    monkeypatch.setattr(libraries, "run", download)
    with pytest.raises(Failed, match="another SHA-256"):
        libraries.fetch(library, "log")


def test_a_build_without_libraries_names_the_packages_of_four_systems(tmp_path):
    """The real build file, under a pkg-config that knows no library."""
    meson = os.path.join(os.path.dirname(sys.executable), "meson")
    env = environments.environ(PKG_CONFIG_LIBDIR=str(tmp_path))
    done = subprocess.run(
        [meson, "setup", str(tmp_path / "build"), ROOT, "-Dpython=false"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False,
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode == 1 and "packages of the system are missing" in text, text
    for line in (
        "Debian, Ubuntu   apt-get install libzstd-dev libpcre2-dev libxxhash-dev\n",
        "Fedora           dnf install libzstd-devel pcre2-devel xxhash-devel\n",
        "Alpine           apk add zstd-dev pcre2-dev xxhash-dev\n",
        "macOS            brew install zstd pcre2 xxhash\n",
    ):
        assert line in text
