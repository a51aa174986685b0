"""A build that cannot be used is refused before anything is compiled."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_free_threaded_interpreter_is_refused_by_the_build(tmp_path):
    """No such interpreter is at hand: this one says that it is one, as sysconfig would."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sysconfig\nsysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1\n"
    )
    meson = Path(sys.executable).parent / "meson"
    done = subprocess.run(
        [meson, "setup", tmp_path / "build", ROOT], stdout=subprocess.PIPE, check=False,
        stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode != 0 and "is a free-threaded Python." in text, text
    assert "Use an interpreter without the t in its name." in text
