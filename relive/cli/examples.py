"""A command for each verb, which its help ends in. Tests run them all, in this order, in a folder
with the program shop.py; {pid} is that of a process that is recorded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

EXAMPLES: Dict[str, str] = {
    "record": "relive record --level lines -o shop.relive shop.py",
    "summary": "relive summary shop.relive",
    "why": "relive why shop.relive exc:last",
    "unittest": "relive unittest --level lines test_shop",
    "debug": "relive debug -b 'shop.py:3 if qty > 2' shop.py",
    "attach": "relive attach 4711 --for 30s -o slow.relive",
    "detach": "relive detach 4711",
    "info": "relive info shop.relive",
    "tree": "relive tree --calls --func total shop.relive",
    "calls": "relive calls price --where 'qty > 2' shop.relive",
    "exc": "relive exc shop.relive",
    "line": "relive line shop.py:3 shop.relive",
    "frame": "relive frame price#2 shop.relive",
    "history": "relive history total sum shop.relive",
    "state": "relive state exc:last shop.relive",
    "find": "relive find 12 shop.relive",
    "origin": "relive origin sum@total#1 shop.relive",
    "replay": "relive replay shop.relive --at exc:last",
    "threads": "relive threads shop.relive",
    "tasks": "relive tasks shop.relive",
    "timeline": "relive timeline shop.relive --limit 20",
    "top": "relive top shop.relive",
    "cover": "relive cover price shop.relive",
    "out": "relive out shop.relive",
    "callers": "relive callers price shop.relive",
    "callees": "relive callees total shop.relive",
    "diff": "relive diff shop.relive price#1 price#2",
    "sessions": "relive sessions shop.relive --errors",
    "gaps": "relive gaps shop.relive",
    "filter check": "relive filter check .relive/trace-filter.toml",
    "filter explain": "relive filter explain shop:price qty",
    "filter init": "relive filter init",
    "cut": "relive cut shop.relive --from price#2 -o part.relive --force",
    "pack": "relive pack shop.relive -o issue.relive --redact '^qty$' --paths short --force",
    "ls": "relive ls --sort size",
    "rm": "relive rm --older 7d",
    "check": "relive check shop.relive",
    "completion": "relive completion bash",
    "schema": "relive schema tree",
    "dump": "relive dump shop.relive --limit 5",
    "doctor": "relive doctor",
}
