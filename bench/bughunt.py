"""What a bug question costs its user: `python bench/bughunt.py [PAGE]`.

It replays the hunts of tests/bughunt and prints a table of commands and bytes. With a page it
replaces what is between the lines `<!-- bughunt -->` and `<!-- /bughunt -->` of that page."""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "py"))

import hunting  # noqa: E402


def main(page=None):
    """Prints the table, and writes it into the page."""
    with tempfile.TemporaryDirectory() as folder:
        table = "\n".join(hunting.summary(hunting.measure(Path(folder))))
    print(table)
    if page is not None:
        path = Path(page)
        text = re.sub(
            r"(<!-- bughunt -->\n).*?(<!-- /bughunt -->)",
            lambda found: f"{found.group(1)}\n{table}\n\n{found.group(2)}",
            path.read_text(encoding="utf-8"),
            flags=re.S,
        )
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
