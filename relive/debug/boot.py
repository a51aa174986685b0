"""The start of a process that `relive debug` began. The boot module calls it while site runs,
before the program's first line."""

import os
import sys
from typing import Any, Mapping

_has_begun = False


def begin() -> None:
    """Starts the debugger, once, in the process that RELIVE_DEBUG names."""
    global _has_begun
    from relive.debug import carried

    if _has_begun:
        return  # several doors call this, and the variable is the children's by now
    _has_begun = True
    text = os.environ.pop(carried.VARIABLE, "")
    wanted = carried.read(text) if text else None
    if wanted is None:
        return
    if wanted.get("off") is True:
        from relive.debug import children

        children.begin_off(wanted)
        return
    if "terminal" in wanted:
        _begin_child(wanted)
        return
    if wanted.get("pid") != os.getpid():
        return
    environ, folder = dict(os.environ), os.getcwd()
    from relive import _core, _terminal
    from relive.debug import children, prompt, restart
    from relive.errors import ReliveError

    _core.restore_path()
    try:
        children.begin(wanted)
        restart.remember(restart.Start(wanted, environ, folder))
        _start_debugger(wanted)
        children.take_every_pdb(prompt.get_prompt())
        children.renew(prompt.get_prompt())
    except ReliveError as error:
        sys.stderr.write(f"relive debug: {_terminal.safe(str(error))} [{error.code}]\n")
        os._exit(125)  # as `relive record` does


def _begin_child(wanted: Mapping[str, Any]) -> None:
    """Starts the debugger in a child that was not forked, with what its parent has set."""
    from relive import _core, _terminal
    from relive.debug import children, prompt, restart
    from relive.debug.engine import runtime
    from relive.errors import ReliveError

    _core.restore_path()
    children.begin_on(wanted)
    made = prompt.get_prompt(quits=children.Left, readrc=False)
    made.catch_interrupts()
    try:
        if runtime.initialize(
            {"enabled": True, "my_code_only": wanted["my_code_only"]}, rules=wanted["rules"]
        ):
            for one in restart.put_back(made, wanted["kept"]):
                runtime.breakpoints.add(one)
            made.sync()
    except ReliveError as error:
        sys.stderr.write(f"relive debug: {_terminal.safe(str(error))} [{error.code}]\n")
    children.take_every_pdb(made)
    children.renew(made)


def _start_debugger(wanted: Mapping[str, Any]) -> None:
    from relive.debug import again, prompt, restart
    from relive.debug.engine import runtime
    from relive.errors import ReliveError

    kept = wanted.get("kept")
    if kept is not None:
        restart.put_rest(kept["rest"])
    is_again = wanted.get("again", False)
    quits = again.quit_for_good if is_again else runtime.quit
    made = prompt.get_prompt(quits=quits, readrc=kept is None)
    made.catch_interrupts()
    os.register_at_fork(after_in_child=made.drop_commands)
    made.show_context(wanted["context"])
    if not runtime.initialize(
        {"enabled": True, "my_code_only": wanted["my_code_only"]},
        wait_for_main=kept is not None or not wanted["breaks"] + wanted["watches"],
        rules=wanted["rules"],
    ):
        decision = runtime.policy.evaluate_environment()
        raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {decision['reason']}")
    if is_again:
        name = wanted["words"][wanted["head"] - 1]
        again.begin(made, name, kept is None and bool(wanted["breaks"]))
    if kept is not None:
        for one in restart.put_back(made, kept):
            runtime.breakpoints.add(one)
        made.sync()
        return
    prompt.set_breaks(wanted["breaks"])
    for function, data in wanted["watches"]:
        prompt.add_watch(function, data)
    made.rcLines.extend(wanted.get("commands", ()))
    for when, name in wanted["catches"]:
        prompt.add_catch(when, name)
