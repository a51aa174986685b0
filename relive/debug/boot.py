"""The start of a process that `relive debug` began: called by site, before the program's first
line."""

import os
import sys

VARIABLE = "RELIVE_DEBUG"


def begin():
    """Starts the debugger, once, in the process that was asked for."""
    import json

    text = os.environ.pop(VARIABLE, "")
    if not text:
        return
    try:
        wanted = json.loads(text)
    except ValueError:
        return
    if not isinstance(wanted, dict) or wanted.get("pid") != os.getpid():
        return
    from relive import _core, _run
    from relive.errors import ReliveError

    _core.restore_path()
    try:
        _begin(wanted)
    except ReliveError as error:
        sys.stderr.write(f"relive debug: {_run.safe(str(error))} [{error.code}]\n")
        os._exit(125)  # as `relive record` does


def _begin(wanted):
    from relive.debug import prompt
    from relive.errors import ReliveError
    from relive.frame_eval.runtime import runtime

    made = prompt.get_prompt(quits=SystemExit)
    if not runtime.initialize(
        {"enabled": True, "my_code_only": wanted["my_code_only"]},
        wait_for_main=not wanted["breaks"] + wanted["watches"],
        rules=wanted["rules"],
    ):
        decision = runtime.policy.evaluate_environment()
        raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {decision['reason']}")
    for path, line, condition in wanted["breaks"]:
        prompt.set_break(path, line, condition)
    for function, data in wanted["watches"]:
        prompt.add_watch(function, data)
    made.rcLines.extend(wanted.get("commands", ()))
    for when, name in wanted["catches"]:
        prompt.add_catch(when, name)
