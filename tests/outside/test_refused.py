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
    text = set_up(tmp_path, PYTHONPATH=str(tmp_path))
    assert "is a free-threaded Python." in text, text
    assert "Use an interpreter without the t in its name." in text


def test_without_a_compiler_all_packages_are_named_at_once(tmp_path):
    """An empty folder as PATH has no compiler, no pkg-config and so no library."""
    (tmp_path / "empty").mkdir()
    text = set_up(tmp_path, PATH=str(tmp_path / "empty"))
    assert "apt-get install gcc libc6-dev pkg-config " in text, text
    assert "dnf install gcc pkgconf " in text and "brew install pkgconf " in text, text
    assert "apk add gcc musl-dev linux-headers pkgconf " in text, text
    for row in text[text.index("Install them:") :].splitlines()[1:5]:
        assert all(name in row for name in ("zstd", "pcre2", "xxhash")), row


def set_up(top, **environ):
    """Begins a build, which must be refused; returns what meson said."""
    meson = Path(sys.executable).parent / "meson"
    done = subprocess.run(
        [sys.executable, meson, "setup", top / "build", ROOT], stdout=subprocess.PIPE, check=False,
        stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin", **environ},
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode != 0, text
    return text
