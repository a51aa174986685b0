"""The list of parts inside a wheel is what its schema wants."""

import os
import zipfile
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def test_the_list_of_parts_is_cyclonedx():
    wheels = sorted(Path(os.environ["OUTSIDE_WHEELS"]).glob("relive-*.whl"))
    assert wheels
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith(".cdx.json")]
            text = archive.read(name).decode()
        validator = JsonStrictValidator(SchemaVersion.V1_6)
        assert validator.validate_str(text) is None, wheel.name
        assert validator.validate_str(text.replace('"library"', '"book"')) is not None
