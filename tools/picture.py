"""Draws docs/terminal.svg: what a terminal shows when examples/shop.py is recorded and asked about.

The commands run in a pseudo-terminal, in a folder of their own; nothing in their output is edited.
They are chosen so that no time is in it, and the picture changes only with the program.

picture.py --relive PATH           draws the picture
picture.py --relive PATH --check   fails where the terminal shows other text by now
"""

import argparse
import fcntl
import html
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PICTURE = os.path.join(ROOT, "docs", "terminal.svg")
EXAMPLE = os.path.join(ROOT, "examples", "shop.py")
COMMANDS = (
    "relive record --level lines -o shop.relive shop.py",
    "relive exc",
    "relive history order total",
)
COLUMNS, ROWS = 100, 50
FONT, CHARACTER, LINE, MARGIN, BAR = 14, 8.43, 19, 18, 34  # pixels
BACKGROUND, PLAIN = "#1b1f27", "#d8dee9"
# What a code of SGR (ECMA-48) does to the style of the text after it.
STYLES = {
    "1": {"font-weight": "bold"},
    "2": {"fill": "#7f8ba0"},
    "31": {"fill": "#ff7b72"},
    "32": {"fill": "#7ee787"},
    "33": {"fill": "#e3b341"},
    "34": {"fill": "#79c0ff"},
    "35": {"fill": "#d2a8ff"},
    "36": {"fill": "#76e3ea"},
}


def run_in_terminal(words, folder, env):
    """Returns what a command writes to a terminal of COLUMNS columns, as text with escapes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        words, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as child:
        os.close(theirs)
        output = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so when the last one who writes is gone
                break
            if not piece:
                break
            output += piece
    os.close(ours)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}:\n{output.decode()}")
    return output.decode().replace("\r\n", "\n")


def session(relive):
    """Returns the text of a terminal after COMMANDS, with a prompt before each."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE")}
    env.update(TERM="xterm-256color", LINES=str(ROWS), COLUMNS=str(COLUMNS))
    env.pop("NO_COLOR", None)
    env["PATH"] = os.path.dirname(relive) + os.pathsep + os.environ["PATH"]
    folder = tempfile.mkdtemp()
    try:
        shutil.copy(EXAMPLE, folder)
        text = ""
        for command in COMMANDS:
            text += f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\n"
            text += run_in_terminal([relive, *command.split()[1:]], folder, env)
        return text
    finally:
        shutil.rmtree(folder)


def spans(line, style):
    """Returns [(text, style)] of a line with escapes, and the style after its end."""
    parts = []
    for found in re.finditer(r"([^\x1b]*)(?:\x1b\[([\d;]*)m)?", line):
        text, codes = found.groups()
        if text:
            parts.append((text, style))
        for code in codes.split(";") if codes is not None else ():
            style = {**style, **STYLES[code]} if code in STYLES else {}
    return parts, style


def without_escapes(text):
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def draw(text):
    """Returns an SVG of a terminal window with this text.

    Each span has a place and a length, so a font of another width moves nothing."""
    lines = text.rstrip("\n").split("\n")
    columns = max(len(without_escapes(line)) for line in lines)
    width = round(2 * MARGIN + columns * CHARACTER)
    height = BAR + len(lines) * LINE + MARGIN
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(COMMANDS[1])}">',
        "<style>text { white-space: pre; font: "
        f"{FONT}px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
    ]
    for index, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        rows.append(f'<circle cx="{MARGIN + 4 + 20 * index}" cy="17" r="6" fill="{colour}"/>')
    style = {}
    for number, line in enumerate(lines):
        parts, style = spans(line, style)
        column, y = 0, BAR + LINE * number + FONT
        drawn = []
        for piece, look in parts:
            more = "".join(f' {name}="{value}"' for name, value in look.items())
            drawn.append(
                f'<tspan x="{MARGIN + column * CHARACTER:.1f}"'
                f' textLength="{len(piece) * CHARACTER:.1f}"{more}>{html.escape(piece)}</tspan>'
            )
            column += len(piece)
        if drawn:
            rows.append(f'<text y="{y}" fill="{PLAIN}">{"".join(drawn)}</text>')
    return "\n".join([*rows, "</svg>", ""])


def is_same(old, new):
    """Returns whether two pictures show the same; a recording's size may differ by some bytes."""
    one, other = (re.sub(r"[\d,]+ bytes", "N bytes", picture) for picture in (old, new))
    return one == other


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--relive", required=True, metavar="PATH", help="the command to run")
    parser.add_argument("--check", action="store_true", help="draw nothing; fail on other text")
    args = parser.parse_args()
    new = draw(session(os.path.abspath(args.relive)))
    old = ""
    if os.path.exists(PICTURE):
        with open(PICTURE, encoding="utf-8") as file:
            old = file.read()
    if args.check:
        return 0 if is_same(old, new) else f"{PICTURE} shows other text: run `make picture`"
    if not is_same(old, new):
        with open(PICTURE, "w", encoding="utf-8") as file:
            file.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
