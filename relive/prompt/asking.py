"""Commands that ask what a place knows beyond here: histories, origins, calls, threads, tasks."""

from __future__ import annotations

from relive._terminal import safe
from relive.errors import ReliveError
from relive.prompt.base import number_of
from relive.prompt.going import Going
from relive.prompt.looking import changes
from relive.prompt.registry import command


class Asking(Going):
    """Questions."""

    @command("history", "NAME", "history")
    def do_history(self, text: str) -> None:
        """Shows each value that a variable of this frame had, with its position."""
        if not text:
            raise ReliveError("ERR_USAGE", "of which variable? history NAME")
        self.screen.rows(self.place.history(self._need_frame(), text))

    @command("origin", "NAME", "origin")
    def do_origin(self, text: str) -> None:
        """Shows where the value of a variable came from, hop by hop."""
        if not text:
            raise ReliveError("ERR_USAGE", "of which variable? origin NAME")
        self.screen.rows(self.place.origin(self._need_frame(), text))

    @command("diff", "MARK | MARK MARK | CALL CALL", "diff")
    def do_diff(self, text: str) -> None:
        """Shows which values differ between a mark and here, or where two calls part.

        diff before         the frames of this thread, at the mark and here
        diff price#3 price#4    two calls of a function, step by step"""
        words = text.split()
        if len(words) == 1:
            self._diff_values(self.marks.get(words[0], words[0]), self._stop.position)
        elif len(words) == 2 and all(word in self.marks for word in words):
            self._diff_values(self.marks[words[0]], self.marks[words[1]])
        elif len(words) == 2:
            self.screen.rows(self.place.differences(*words))
        else:
            raise ReliveError("ERR_USAGE", "of what? diff MARK, or two calls: diff price#3 price#4")

    def _diff_values(self, a: str, b: str) -> None:
        before, now = self.place.values_at(a), self.place.values_at(b)
        for number, (frame, rows) in now.items():
            if number in before:
                old = {(one.scope, one.name): one for one in before[number][1]}
                lines = list(changes(old, {(one.scope, one.name): one for one in rows}))
            else:
                lines = ["entered since"]
            if lines:
                self.screen.write(f"{safe(frame.func)}() {safe(frame.name)}")
            for line in lines:
                self.screen.write(f"  {line}")
        for number, (frame, _) in before.items():
            if number not in now:
                self.screen.write(f"{safe(frame.func)}() {safe(frame.name)}")
                self.screen.write("  not open any more")

    # ---- questions ----

    @command("calls", "FUNC [where EXPRESSION]", "calls")
    def do_calls(self, text: str) -> None:
        """Shows the calls of a function, those that an expression picks, with their positions."""
        what, _, condition = text.partition(" where ")
        if not what.strip():
            raise ReliveError("ERR_USAGE", "of which function? calls FUNC")
        rows, total = self.place.calls(what.strip(), condition.strip() or None, 50)
        self.screen.rows(rows)
        self.screen.write(self.screen.dim(safe(total)))

    @command("threads", "", "threads")
    def do_threads(self, text: str) -> None:
        """Shows the threads that run here."""
        self.screen.rows(self.place.threads())

    @command("thread", "[N]", "threads")
    def do_thread(self, text: str) -> None:
        """Selects a thread: s, n, w and the rest are about it. Alone it lists the threads."""
        if not text:
            self.do_threads("")
            return
        self._arrive(self.place.select_thread(self.place.thread_number(text)))

    @command("tasks", "", "tasks")
    def do_tasks(self, text: str) -> None:
        """Shows the tasks that have begun and not ended."""
        rows = self.place.tasks()
        self.screen.rows(rows)
        if not rows:
            self.screen.write(self.screen.dim("no task is open"))

    @command("out", "[N]", "out")
    def do_out(self, text: str) -> None:
        """Shows what the program wrote up to here: the last 20 writes, or N."""
        rows = self.place.output(number_of(text, 20))
        self.screen.rows(rows)
        if not rows:
            self.screen.write(self.screen.dim("nothing was written up to here"))

    @command("back", "[COMMAND]", "record")
    def do_back(self, text: str) -> None:
        """Opens the recording of this program where it is now, with the commands of `relive
        replay`; `q` returns. `back rc` opens it and goes back at once."""
        name, _, rest = text.partition(" ")
        self.place.show_recording(name, rest)
