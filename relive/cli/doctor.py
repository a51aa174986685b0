"""relive doctor: what works here, and why something does not."""

from __future__ import annotations

import os
import sys

from relive import config
from relive.cli import NOTHING, OK, common
from relive.cli.options import Option, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping


def main(words: List[str]) -> int:
    """Prints facts of the environment. Exit status 1 means that recording cannot work."""
    args = Parser(
        "doctor", "What works here, and why something does not.",
        common.JSON,
        Option("--config", text="print every setting, its value and its source"),
    ).parse(words)  # fmt: skip
    if args.config:
        return _show_config(args.json)
    facts = _collect_facts()
    if args.json:
        common.emit(schema="relive.doctor", version=1)
        common.emit(**facts)
    else:
        _show_facts(facts)
        common.next_command("relive record app.py")
    return OK if facts["can_record"] else NOTHING


def _show_config(as_json: bool) -> int:
    settings = config.load()
    if as_json:
        common.emit(schema="relive.config", version=1)
    for setting in config.TABLE:
        value, source = getattr(settings, setting.key), settings.source(setting.key)
        if as_json:
            common.emit(key=setting.key, value=value, source=source)
        else:
            if setting.kind == "size":
                value = config.show_size(value)
            print(f"{setting.key:<15} {value!s:<12} {source}")
    return OK


def _collect_facts() -> Dict[str, Any]:
    from relive import _core
    from relive._run import boot_is_installed
    from relive._version import __version__
    from relive.debug import telemetry
    from relive.debug.policy import check_environment_compatibility

    core = _core.facts()
    backends = [
        {"name": name, "usable": usable, "why": why, "sees": abilities}
        for name, usable, why, abilities in _core.backends()
    ]
    return {
        "relive": __version__,
        "python": sys.version.split()[0],
        "executable": sys.executable,
        "free_threaded": core["free_threaded"],
        "system": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "clock": "tsc" if core["tsc"] else "clock_gettime",
        "zstd": core["zstd"],
        "pcre2": core["pcre2"],
        "format": core["format"],
        "frames_ok": core["frames_ok"],
        "frames_why": core["frames_why"],
        "backends": backends,
        "child_processes": _describe_children(boot_is_installed()),
        "attach": _describe_attach(),
        "tracers": _find_tracers(),
        "debugger": check_environment_compatibility(),
        "debug_reasons": telemetry.telemetry.snapshot().reason_counts.as_dict(),
        "can_record": core["frames_ok"] and any(row["usable"] for row in backends),
    }


def _describe_children(has_boot: bool) -> str:
    if has_boot:
        return "recorded (relive.pth is installed)"
    return (
        "recorded through PYTHONPATH: relive.pth is not installed (an editable install);"
        " children with -E, -I or an environment of their own are not"
    )


def _describe_attach() -> str:
    """Returns which processes `relive attach` reaches."""
    version = "%d.%d" % sys.version_info[:2]
    if hasattr(sys, "remote_exec"):
        if not getattr(sys, "is_remote_debug_enabled", lambda: True)():
            return (
                "processes with RELIVE_CONTROL=1; remote debugging is switched off here"
                " (PYTHON_DISABLE_REMOTE_DEBUG, -X disable-remote-debug, or the build)"
            )
        return f"processes of Python {version}; others with RELIVE_CONTROL=1"
    return "processes with RELIVE_CONTROL=1 (those of 3.14 and later also without)"


def _find_tracers() -> List[str]:
    """Returns what else watches this interpreter."""
    found = []
    if sys.gettrace() is not None:
        found.append("a trace function is set")
    if sys.getprofile() is not None:
        found.append("a profile function is set")
    monitoring = getattr(sys, "monitoring", None)
    for number in range(6 if monitoring else 0):
        name = getattr(monitoring, "get_tool")(number)  # noqa: B009
        if name is not None:
            found.append(f"sys.monitoring tool {number}: {name}")
    return found


def _show_facts(facts: Mapping[str, Any]) -> None:
    def line(name: str, text: str, good: bool = True) -> None:
        print(f"  {name:<12} {text if good else common.red(text)}")

    print(f"relive {facts['relive']} on Python {facts['python']}, {facts['system']}")
    line("executable", facts["executable"])
    line("clock", facts["clock"])
    line("libraries", f"zstd {facts['zstd']}, PCRE2 {facts['pcre2']}; format {facts['format']}")
    line(
        "frames",
        "read directly; self-test passed" if facts["frames_ok"] else facts["frames_why"],
        facts["frames_ok"],
    )
    for row in facts["backends"]:
        line(row["name"], ("usable: " if row["usable"] else "no: ") + row["why"])
    debugger = facts["debugger"]
    engine, reason = debugger["engine"], debugger["reason"]
    line("debugger", f"usable: {engine}" if debugger["compatible"] else f"no: {reason}")
    for code, text in debugger["warnings"]:
        line("debugger", f"{code}: {text}")
    for code, count in facts["debug_reasons"].items():
        if count:
            line("debugger", f"{code} x{count}")
    line("children", facts["child_processes"])
    line("attach", facts["attach"])
    for text in facts["tracers"]:
        line("also active", text)
    if not facts["can_record"]:
        line("verdict", "recording cannot work here", False)
