"""Completes a built wheel: platform tag, licences of the bundled libraries, and what it is made of.

    relive-X.dist-info/licenses/         the licence of Relive and of each library inside
    relive-X.dist-info/sboms/relive.cdx.json   a list of the libraries, in CycloneDX 1.6 (PEP 770)

The files keep one time, and are written in one order, so the same input gives the same bytes."""

import base64
import hashlib
import json
import os
import re
import time
import uuid
import zipfile

from environments import ROOT, Failed
from libraries import LIBRARIES, licences

SBOM = "sboms/relive.cdx.json"


def seal(wheel, target, out, epoch, replaced=None):
    """Writes the completed wheel into the folder `out`; returns its path.

    `replaced`: the compiled file of another target, which takes the place of the wheel's own."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    (info,) = {name.partition("/")[0] for name in files if name.endswith(".dist-info/WHEEL")}
    own = f"{info}/WHEEL"
    if replaced:
        replace_compiled(files, *replaced)
    tags = re.findall(r"^Tag: (\S+)$", files[own].decode(), re.M)
    python, abi = tags[0].split("-")[:2]
    tag = f"{python}-{abi}-{target.tag}"
    text = re.sub(r"^Tag: .*\n", "", files[own].decode(), flags=re.M).rstrip("\n")
    files[own] = f"{text}\nTag: {tag}\n".encode()
    version = re.match(r"relive-(.+)\.dist-info", info).group(1)
    taken = {"LICENSE": os.path.join(ROOT, "LICENSE"), **licences()}
    for name, path in taken.items():
        with open(path, "rb") as file:
            files[f"{info}/licenses/{name}"] = file.read()
    files[f"{info}/METADATA"] = license_metadata(files[f"{info}/METADATA"].decode(), taken).encode()
    files[f"{info}/{SBOM}"] = (
        json.dumps(bill(version, tag, epoch), indent=1, ensure_ascii=True) + "\n"
    ).encode()
    path = os.path.join(out, f"relive-{version}-{tag}.whl")
    os.makedirs(out, exist_ok=True)
    write(path, files, info, epoch)
    return path


def replace_compiled(files, name, content):
    """Puts another compiled file in the place of the wheel's own."""
    (old,) = [one for one in files if re.fullmatch(r"relive/_core\..*\.so", one)]
    del files[old]
    files["relive/" + name] = content


def license_metadata(text, taken):
    """Returns METADATA with a licence expression of all that is inside, and each licence's file."""
    head, gap, body = text.partition("\n\n")
    rows = [row for row in head.split("\n") if not re.match("License|Metadata-Version", row)]
    words = ["MIT", *sorted({library.licence for library in LIBRARIES})]
    rows.append("License-Expression: " + " AND ".join(words))
    rows += [f"License-File: {name}" for name in sorted(taken)]
    return "\n".join(["Metadata-Version: 2.4", *rows]) + gap + body


def bill(version, tag, epoch):
    """Returns the CycloneDX document of a wheel."""
    own = f"pkg:pypi/relive@{version}"
    parts = []
    for library in LIBRARIES:
        package, _, at = library.package.partition("==")
        parts.append(
            {
                "type": "library",
                "bom-ref": f"pkg:generic/{library.name}@{library.version}",
                "name": library.name,
                "version": library.version,
                "scope": "required",
                "licenses": [{"license": {"id": library.licence}}],
                "purl": f"pkg:generic/{library.name}@{library.version}",
                "externalReferences": [
                    {"type": "website", "url": library.homepage},
                    {
                        "type": "source-distribution",
                        "url": f"pkg:pypi/{package}@{at}",
                        "hashes": [{"alg": "SHA-256", "content": library.digest}],
                    },
                ],
            }
        )
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{own}?{tag}&{epoch}')}",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": {
                "type": "library",
                "bom-ref": own,
                "name": "relive",
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": own,
            },
        },
        "components": parts,
        "dependencies": [
            {"ref": own, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"], "dependsOn": []} for part in parts),
        ],
    }


def write(path, files, info, epoch):
    """Writes a wheel with a new RECORD; the wheel's own folder comes last, as pip expects."""
    files.pop(f"{info}/RECORD", None)
    names = sorted(files, key=lambda name: (name.startswith(info), name))
    rows = []
    for name in names:
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=")
        rows.append(f"{name},sha256={digest.decode()},{len(files[name])}")
    rows.append(f"{info}/RECORD,,")
    files[f"{info}/RECORD"] = ("\n".join(rows) + "\n").encode()
    date = time.gmtime(max(epoch, 315532800))[:6]  # a zip file knows no time before 1980
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in [*names, f"{info}/RECORD"]:
            entry = zipfile.ZipInfo(name, date)
            mode = 0o755 if name.endswith(".so") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)


def compiled(wheel):
    """Returns (name, bytes) of a wheel's one compiled file."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so")]
        if len(names) != 1:
            raise Failed(f"{os.path.basename(wheel)} has {len(names)} compiled files, not one")
        return names[0], archive.read(names[0])
