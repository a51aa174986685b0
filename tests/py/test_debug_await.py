"""`await` at a stop: within a task, outside of a loop, and where it cannot work."""

import pytest

PROGRAM = """\
import asyncio
from relive.debug.awaiting import compile_awaited, evaluate_awaited
answers = []
def on_stop(frame, why, found):
    for text in script[:]:
        code = compile_awaited(text, 'eval')
        try:
            answers.append(evaluate_awaited(code, frame.f_globals, runtime.variables(frame)))
        except (Exception, KeyboardInterrupt) as error:
            answers.append(f'{type(error).__name__}: {error}')
runtime.on_stop = on_stop
async def double(x):
    await asyncio.sleep(0.01)
    return x * 2
async def fail():
    await asyncio.sleep(0)
    raise KeyError('no')
async def other(seen):
    for i in range(3):
        seen.append(i)
        await asyncio.sleep(0)
    return sum(seen)
async def main():
    seen, lock = [], asyncio.Lock()
    tasks = [asyncio.ensure_future(other(seen)) for _ in range(5)]
    await asyncio.sleep(0)
    one = 21
    two = 2
    return await asyncio.gather(*tasks), one, two, asyncio.current_task() is not None
"""
LINE = next(n for n, line in enumerate(PROGRAM.splitlines(), 1) if "two = 2" in line)


def run(debug, script, call="asyncio.run(main())", line=LINE):
    return debug(
        PROGRAM + f"script[:] = {script!r}\nstop_at({line})\nresult = {call}\n"
        "tell(answers=answers, result=result)"
    )


def test_a_task_that_has_stopped_awaits(debug):
    told = run(debug, ["await double(one)", "[await double(n) for n in (1, 2)]", "await fail()"])
    assert told["answers"] == [42, [2, 4], "KeyError: 'no'"]
    sums, one, two, has_task = told["result"]
    assert len(sums) == 5 and (one, two, has_task) == (21, 2, True)


def test_what_is_locked_is_waited_for_and_other_tasks_go_on(debug):
    told = run(debug, ["await asyncio.wait_for(asyncio.gather(*tasks), 5)"])
    assert told["answers"] == [[15] * 5] and told["result"][0] == [15] * 5


def test_callbacks_that_were_ready_are_not_missed(debug):
    """The turn of the loop in which the task has stopped counted them."""
    told = debug(
        PROGRAM + "async def many():\n    seen = []\n    async def one(n):\n"
        "        if n == 0:\n            stop_here = 1\n        seen.append(n)\n"
        "    await asyncio.gather(*(one(n) for n in range(20)))\n    return seen\n"
        f"script[:] = ['await double(1)', 'await double(2)']\nstop_at({LINE + 6})\n"
        "result = asyncio.run(many())\ntell(answers=answers, result=result)"
    )
    assert told["answers"] == [2, 4] and sorted(told["result"]) == list(range(20))


def test_outside_of_a_loop_it_has_one_of_its_own(debug):
    told = debug(
        PROGRAM + "def plain():\n    x = 5\n    return x\nscript[:] = ['await double(x)']\n"
        f"stop_at({LINE + 4})\nresult = plain()\ntell(answers=answers, result=result)"
    )
    assert told["answers"] == [10] and told["result"] == 5


def test_what_an_awaited_coroutine_sets_of_the_context_stays(debug):
    told = debug(
        PROGRAM + "import contextvars\nvar = contextvars.ContextVar('var', default=1)\n"
        "kept = contextvars.ContextVar('kept', default=1)\n"
        "async def change():\n    var.set(var.get() + 41)\n    await asyncio.sleep(0)\n"
        "script[:] = ['await change()', 'await asyncio.ensure_future(change())']\n"
        f"stop_at({LINE})\nasync def first():\n    await main()\n"
        "    return var.get(), kept.get()\nresult = asyncio.run(first())\n"
        "tell(answers=answers, result=result)"
    )
    assert told["answers"] == [None, None] and told["result"] == [42, 1]


def test_another_kind_of_loop_says_why_not(debug):
    pytest.importorskip("uvloop", reason="no wheel of uvloop")
    told = run(debug, ["await double(1)"], "__import__('uvloop').new_event_loop()"
               ".run_until_complete(main())")  # fmt: skip
    [said] = told["answers"]
    assert said.startswith("ReliveError") and "uvloop.Loop cannot go on" in said


@pytest.mark.parametrize("text", ["1 + 1", "awaited", "await", "f(await)", "'await x'", ")"])
def test_what_does_not_await_is_left_to_others(text):
    from relive.debug.awaiting import compile_awaited

    assert compile_awaited(text, "eval") is None
