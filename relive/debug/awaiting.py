"""`await` where a program has stopped. The event loop of the thread goes on until the answer is
there, though one of its callbacks has not returned.

    a task stops --> evaluate("await f()") --> the loop's own turns, one after the other
                                               other tasks run meanwhile, undebugged

A loop takes as many callbacks in one turn as were ready when the turn began, and fails if there are
fewer. So what was ready is counted before, and made up for with callbacks that do nothing. Outside
of a loop the coroutine has one of its own."""

import ast
import inspect
import types
from typing import Any, Dict, Mapping, Optional

from relive.errors import ReliveError

_READY, _RUN_ONCE = "_ready", "_run_once"  # of asyncio's own loops, on every version
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def compile_awaited(text: str, mode: str) -> Optional[types.CodeType]:
    """Returns the code of a text that awaits something; None where it does not, or is no Python.
    `mode` is that of compile()."""
    if "await" not in text and "async" not in text:
        return None
    try:
        code: types.CodeType = compile(text, "<stdin>", mode, _FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return code if code.co_flags & inspect.CO_COROUTINE else None


def evaluate_awaited(
    code: types.CodeType, globals_: Dict[str, Any], locals_: Mapping[str, Any]
) -> Any:
    """Runs such code, and returns its value. Raises what it raises, and ReliveError where its event
    loop cannot go on."""
    import asyncio  # a program without it does not get it before it awaits

    context: Dict[Any, Any] = {}
    coroutine = eval(code, globals_, locals_)  # with the flag, this does not run it yet
    coroutine = _with_context(coroutine, context)
    try:
        return _run_awaited(asyncio, coroutine)
    finally:
        for variable, value in context.items():
            if variable.get(context) is not value:
                variable.set(value)


async def _with_context(coroutine: Any, context: Dict[Any, Any]) -> Any:
    """Awaits a coroutine, and notes the context variables behind it. It runs in a task of its own.
    What it sets is for the code that has stopped."""
    import contextvars

    try:
        return await coroutine
    finally:
        context.update(contextvars.copy_context())


def _run_awaited(asyncio: Any, coroutine: Any) -> Any:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    if not isinstance(loop, asyncio.BaseEventLoop) or not hasattr(loop, _RUN_ONCE):
        coroutine.close()
        kind = type(loop)
        raise ReliveError(
            "ERR_UNSUPPORTED",
            f"await: a {kind.__module__}.{kind.__qualname__} cannot go on while one of its "
            "callbacks has stopped; asyncio's own loop can",
        )
    return _run_within(loop, coroutine)


def _run_within(loop: Any, coroutine: Any) -> Any:
    import asyncio

    stopped, tasks = asyncio.current_task(loop), vars(asyncio.tasks)
    queue, run_once = getattr(loop, _READY), getattr(loop, _RUN_ONCE)
    ready = len(queue)
    if stopped is not None:
        tasks["_leave_task"](loop, stopped)
    try:
        task = loop.create_task(coroutine)
        try:
            while not task.done():
                run_once()
        except BaseException:  # Control-C, or a callback's SystemExit
            task.cancel()
            raise
    finally:
        if stopped is not None:
            tasks["_enter_task"](loop, stopped)
        for _ in range(ready - len(queue)):
            nothing = asyncio.Handle(_do_nothing, (), loop)
            nothing.cancel()
            queue.append(nothing)
    return task.result()


def _do_nothing() -> None:
    """In the place of a callback that has run already."""
