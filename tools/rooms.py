"""Draws which room of the C code includes which, and checks it against docs/architecture.md.

A room is a folder under src/ that holds C files. The table in docs/architecture.md has a row for
each room, lowest first:

    | room | about | may use |
    | --- | --- | --- |
    | `src/base` | memory, bytes, maps | none |
    | `src/format` | what bytes mean | base |
    | `src/cpython/module` | the types that Python sees | all |

A room may include the headers of the rooms in its last cell, and what those rooms may use. `none`
means libc alone, `all` means every room above. A room can only use rooms above it, so the table has
no circles.

A module is a header with the .c file of its name, and with each file whose opening comment says
"Part of NAME.h". Each .c file belongs to a module. Modules include each other in one direction.
Where two call each other for a reason, another table names the include that goes back:

    | module | includes again | because |
    | --- | --- | --- |
    | `values/pairs` | `capture` | an item is a value too |

rooms.py            prints the rooms as text: files, lines, and the includes between them
rooms.py --dot      prints the same graph for Graphviz
rooms.py --check    prints where table, meson.build and files disagree, and fails on any such place
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = "docs/architecture.md"
# Each has a dictionary of rooms: their sources, and the rooms whose headers each sees.
BUILD_FILES = ("meson.build", "src/cpython/meson.build")
LONGEST_FILE = 700  # lines


class Room:
    """A row of the table. `uses` names the rooms of its last cell."""

    def __init__(self, path, about, uses):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.about = about
        self.uses = uses


class Source:
    """A C file: its room's path, its lines, and (line number, name) of each include in quotes."""

    def __init__(self, path, text):
        self.path = path
        self.folder, self.base = os.path.split(path)
        self.lines = text.count("\n")
        self.includes = [
            (text.count("\n", 0, found.start()) + 1, found.group(1))
            for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M)
        ]
        self.stem, self.kind = os.path.splitext(self.base)
        part = re.search(r"\bPart of (\w+)\.h\b", text[:2000])
        self.module = part.group(1) if part else self.stem


# ---- what the tree says ----


def read_table(text):
    """Returns the rooms of the table, lowest first, and what is wrong with it."""
    rooms, wrong = [], []
    rows = re.search(r"^\| room \| about \| may use \|\n\|[-| ]+\|\n((?:\|.*\n?)*)", text, re.M)
    if rows is None:
        return [], [f"{TABLE}: has no table with the header | room | about | may use |"]
    for row in rows.group(1).splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if len(cells) != 3:
            wrong.append(f"{TABLE}: a row has {len(cells)} cells in place of 3: {row}")
            continue
        above = [room.name for room in rooms]
        uses = [name.strip(" `") for name in cells[2].split(",")]
        uses = {"none": [], "all": above}.get(cells[2], uses)
        room = Room(cells[0].strip("`"), cells[1], [name for name in uses if name in above])
        for name in uses:
            if name not in above:
                wrong.append(f"{TABLE}: {room.name} may use {name}, which is no room above it")
        if room.name in above:
            wrong.append(f"{TABLE}: {room.name} has two rows")
        rooms.append(room)
    return rooms, wrong


def read_returns(text):
    """Returns the includes that go back, of their table: {(room, module): modules}."""
    found = {}
    rows = re.search(r"^\| module \| includes again .*\n\|[-| ]+\|\n((?:\|.*\n?)*)", text, re.M)
    for row in rows.group(1).splitlines() if rows else ():
        user, used = (cell.strip(" `") for cell in row.strip("|").split(" | ")[:2])
        found.setdefault(tuple(user.split("/")), []).append(used)
    return found


def read_build(text):
    """Returns {room: {"sources": names, "needs": rooms}} of the dictionary in a meson.build."""
    table = re.search(r"^(?:\w+_)?rooms = \{\n(.*?)^\}", text, re.M | re.S)
    rooms = {}
    rows = table.group(1) if table else ""
    for name, row in re.findall(r"'(\w+)': \{(.*?)\},?\n", rows, re.S):
        lists = re.findall(r"'(\w+)': \[([^\]]*)\]", row)
        rooms[name] = {key: re.findall(r"'(\w+)'", items) for key, items in lists}
    return rooms


def read_sources(root):
    """Returns the C files under src/ as {path: Source}."""
    sources = {}
    for folder, _, names in sorted(os.walk(os.path.join(root, "src"))):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root).replace(os.sep, "/")
                with open(full, encoding="utf-8") as file:
                    sources[path] = Source(path, file.read())
    return sources


class House:
    """The rooms, what each may use, and the includes between the files."""

    def __init__(self, root):
        self.root = root
        self.rooms, self.wrong = read_table(read(root, TABLE))
        # {room: (meson.build, its lists)}
        self.built = {
            name: (path, lists)
            for path in BUILD_FILES
            if os.path.exists(os.path.join(root, path))
            for name, lists in read_build(read(root, path)).items()
        }
        self.returns = read_returns(read(root, TABLE))
        self.sources = read_sources(root)
        self.join_parts()
        self.named = {room.name: room for room in self.rooms}
        self.of_folder = {room.path: room.name for room in self.rooms}
        self.allowed = {}
        for room in self.rooms:  # each room uses rooms above, whose sets are complete by now
            below = [self.allowed.get(name, set()) for name in room.uses]
            self.allowed[room.name] = set(room.uses).union(*below)
        # [(source, line, header)]
        self.edges = [
            (source, line, header)
            for source in self.sources.values()
            for line, name in source.includes
            for header in [self.find(source, name)]
            if header is not None
        ]

    def join_parts(self):
        """Gives each part of a header that is itself a part the module of that header."""
        for source in self.sources.values():
            header = self.sources.get(f"{source.folder}/{source.module}.h")
            while header is not None and header.module not in (header.stem, source.module):
                source.module = header.module
                header = self.sources.get(f"{source.folder}/{source.module}.h")

    def find(self, source, name):
        """Returns the header that a compiler takes for `name`, or None for one outside src/."""
        own = self.sources.get(f"{source.folder}/{name}")
        if own is not None:
            return own
        found = [other for path, other in self.sources.items() if path.endswith("/" + name)]
        allowed = self.allowed.get(self.room(source), set())
        seen = [other for other in found if self.room(other) in allowed]
        return (seen or found or [None])[0]

    def room(self, source):
        """Returns the name of a file's room, or its folder where the table has no row for it."""
        return self.of_folder.get(source.folder, source.folder)

    def check(self):
        """Yields a line for each disagreement between table, build and files."""
        yield from self.wrong
        yield from self.check_rows()
        for source, line, header in self.edges:
            user, used = self.room(source), self.room(header)
            if user != used and used not in self.allowed.get(user, ()):
                yield f"{source.path}:{line}: {user} may not include {header.base} of {used}"
        for name, (path, lists) in self.built.items():
            for other in lists.get("needs", []) + lists.get("core", []):
                if other not in self.allowed.get(name, ()):
                    yield f"{path}: {name} sees headers of {other}; {TABLE} does not allow it"
        yield from self.check_modules()
        yield from self.check_circles()

    def check_rows(self):
        """Yields a line for each room without files and each file without a room."""
        folders = {source.folder for source in self.sources.values()}
        for room in self.rooms:
            if room.path not in folders:
                yield f"{TABLE}: {room.path} has no C files"
        for folder in sorted(folders - set(self.of_folder)):
            yield f"{TABLE}: {folder} has no row"
        for name, (path, _) in self.built.items():
            if name not in self.named:
                yield f"{TABLE}: {name} of {path} has no row"

    def check_modules(self):
        """Yields a line for each file that is too long, and each .c file without a header."""
        for source in self.sources.values():
            if source.lines > LONGEST_FILE:
                yield f"{source.path}: has {source.lines} lines; {LONGEST_FILE} are the most"
            if source.kind != ".c":
                continue
            own = f"{source.folder}/{source.module}.h", f"include/relive/{source.module}.h"
            if own[0] not in self.sources and not os.path.exists(os.path.join(self.root, own[1])):
                yield (
                    f"{source.path}: has no {source.module}.h; its opening comment must name"
                    f" the header whose part it is: Part of NAME.h"
                )

    def check_circles(self):
        """Yields a line for each circle of modules, and for each row about one that there is not. A
        module is a header with its .c files."""
        graph = {}
        for source, _, header in self.edges:
            one, other = ((s.folder, s.module) for s in (source, header))
            if one != other:
                graph.setdefault(one, set()).add(other)
        folders = {room.name: room.path for room in self.rooms}
        for (room, module), names in self.returns.items():
            folder = folders.get(room, room)
            for name in names:
                one, other = (folder, module), (folder, name)
                if other not in graph.get(one, ()) or one not in reached(graph, other):
                    yield f"{TABLE}: {room}/{module} and {name} are in no circle"
        for (room, module), names in self.returns.items():
            folder = folders.get(room, room)
            graph.get((folder, module), set()).difference_update((folder, name) for name in names)
        for circle in circles(graph):
            rooms = sorted({self.of_folder.get(folder, folder) for folder, _ in circle})
            names = " -> ".join(f"{folder}/{module}" for folder, module in [*circle, circle[0]])
            where = f"inside {rooms[0]}" if len(rooms) == 1 else "across rooms"
            yield f"a circle of files {where}: {names}"

    # ---- drawings ----

    def between(self):
        """Returns {room: {room that it includes: how many includes}}, lowest room first."""
        order = [room.name for room in self.rooms]
        counts = {name: {} for name in order}
        for source, _, header in self.edges:
            user, used = self.room(source), self.room(header)
            if user != used:
                row = counts.setdefault(user, {})
                row[used] = row.get(used, 0) + 1
        return counts

    def text(self):
        """Yields a line for each room, lowest first: its size, and which rooms it includes."""
        counts = self.between()
        wide = max([len(name) for name in counts] or [0])
        for name, row in counts.items():
            files = [source for source in self.sources.values() if self.room(source) == name]
            size = f"{len(files):>4} files {sum(source.lines for source in files):>6} lines"
            uses = ", ".join(f"{other} {row[other]}" for other in counts if other in row)
            yield f"{name:<{wide}} {size}   {uses}".rstrip()

    def dot(self):
        """Yields the lines of a Graphviz drawing; includes that the table forbids are red."""
        yield "digraph rooms {"
        yield "    rankdir=BT; node [shape=box, fontname=sans-serif];"
        for name, row in self.between().items():
            yield f'    "{name}";'
            for other, count in row.items():
                colour = "" if other in self.allowed.get(name, ()) else ", color=red"
                yield f'    "{name}" -> "{other}" [label={count}{colour}];'
        yield "}"


def circles(graph):
    """Returns the groups of nodes that reach each other, each as the shortest circle through its
    first node."""
    reach = {node: reached(graph, node) for node in graph}
    done, found = set(), []
    for node in sorted(graph):
        if node in done or node not in reach[node]:
            continue
        done.update(other for other in reach[node] if node in reach.get(other, ()))
        found.append(shortest_circle(graph, node))
    return found


def reached(graph, start):
    """Returns the nodes that one or more steps from `start` lead to."""
    seen, todo = set(), list(graph.get(start, ()))
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(graph.get(node, ()))
    return seen


def shortest_circle(graph, start):
    """Returns the nodes of a shortest way from `start` back to it."""
    paths, seen = [[start]], set()
    for path in paths:
        for node in sorted(graph.get(path[-1], ())):
            if node == start:
                return path
            if node not in seen:
                seen.add(node)
                paths.append([*path, node])
    return [start]


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", default=ROOT, help="another tree")
    parser.add_argument("--dot", action="store_true", help="the graph for Graphviz")
    parser.add_argument("--check", action="store_true", help="fail where the table is not kept")
    args = parser.parse_args()
    house = House(args.root)
    if args.check:
        wrong = list(house.check())
        print("\n".join(wrong) if wrong else f"rooms: {len(house.rooms)}, as {TABLE} allows")
        return 1 if wrong else 0
    print("\n".join(house.dot() if args.dot else house.text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
