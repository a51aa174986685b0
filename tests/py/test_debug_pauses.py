"""A pause of a thread that ends: it is refused, or ends with the thread."""

ENDING = """\
import threading
from relive.errors import ReliveError
runtime.shutdown()
assert runtime.initialize({})
gate = threading.Event()
def waits():
    gate.wait()
def busy():
    found = 1
    return found
def begin(target):
    thread = threading.Thread(target=target)
    thread.start()
    return thread
def refusal(thread):
    try: runtime.pause(thread)
    except ReliveError as error: return str(error)
"""


def test_a_thread_that_has_ended_cannot_be_paused(debug):
    told = debug(
        ENDING + "first = begin(busy)\nfirst.join()\n"
        "text = refusal(first.ident)\n"
        "tell(text=text, waits=runtime.pause_waits(first.ident), thread=first.ident)"
    )
    assert f"there is no thread {told['thread']}: it has ended" in told["text"]
    assert told["waits"] is False and told["stops"] == []


def test_a_pause_ends_with_its_thread(debug):
    told = debug(
        ENDING + "first = begin(waits)\n"
        "while not first.is_alive(): pass\n"
        "asked = [runtime.pause(first.ident), runtime.pause_waits(first.ident)]\n"
        "gate.set(); first.join()\n"
        "asked += [runtime.pause_waits(first.ident), refusal(first.ident) is not None]\n"
        "for _ in range(100):\n"  # until the identity comes again, which it mostly does
        "    other = begin(busy)\n"
        "    other.join()\n"
        "    if other.ident == first.ident: break\n"
        "tell(asked=asked)"
    )
    assert told["asked"] == [True, True, False, True]
    assert told["stops"] == []


def test_a_pause_that_has_stopped_its_thread_waits_no_more(debug):
    told = debug(
        ENDING + "def turns():\n    while not gate.is_set():\n        found = 1\n"
        "waits = []\n"
        "def stopped(frame):\n    waits.append(runtime.pause_waits(threading.get_ident()))\n"
        "    gate.set()\n"
        "script[:] = [stopped]\n"
        "first = begin(turns)\nassert runtime.pause(first.ident)\nfirst.join(60)\n"
        "tell(waits=waits)"
    )
    assert told["waits"] == [False] and [why for _, _, why in told["stops"]] == ["pause"]
