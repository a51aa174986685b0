"""Cases of the conformance suite: filter files, a question, and the answer.

A case is (name, files, question, answer). A file is a list of rules, or (defaults, rules); a rule
is (selector, exec or None, {more}); patterns are "kind:...=action". Questions: ("scope", module,
qualname[, file]) -> "trace" or "skip"; ("value", kind, name[, module, qualname]) -> "allow",
"redact" or "drop"; ("error",) -> words that the error says."""

ROOT = "/project"


def one(*rules, version=1, exec="trace", value="allow", level=None):
    """A file."""
    return {"version": version, "exec": exec, "value": value, "level": level, "rules": rules}


def rule(selector, exec=None, *patterns, **more):
    return {"selector": selector, "exec": exec, "patterns": patterns, **more}


def scopes(name, rules, answers, **defaults):
    """One file, several functions: 'module:qualname[@file]' -> outcome."""
    for target, answer in answers.items():
        rest, _, file = target.partition("@")
        module, _, qualname = rest.partition(":")
        yield (
            f"{name} {target}",
            [one(*rules, **defaults)],
            ("scope", module, qualname, file),
            answer,
        )


def values(name, rules, answers, **defaults):
    """One file, several names: 'kind:name' -> action."""
    for target, answer in answers.items():
        kind, _, variable = target.partition(":")
        yield (f"{name} {target}", [one(*rules, **defaults)], ("value", kind, variable), answer)


def all_cases():
    T, S = "trace", "skip"
    yield from scopes("default trace", [], {"app:f": T})
    yield from scopes("default skip", [], {"app:f": S}, exec="skip")
    # pkg
    yield from scopes(
        "pkg glob",
        [rule("pkg:app.*", "skip")],
        {"app.views:f": S, "app.a.b:f": S, "app:f": T, "myapp.x:f": T, "app2:f": T},
    )
    yield from scopes(
        "pkg literal", [rule("pkg:literal:app", "skip")], {"app:f": S, "app.x:f": T, "App:f": T}
    )
    yield from scopes(
        "pkg regex searches",
        [rule("pkg:regex:views", "skip")],
        {"app.views:f": S, "app.views2.x:f": S, "app:f": T},
    )
    yield from scopes(
        "pkg regex anchored", [rule("pkg:regex:^app$", "skip")], {"app:f": S, "app.x:f": T}
    )
    yield from scopes("pkg of a script", [rule("pkg:literal:__main__", "skip")], {"__main__:f": S})
    yield from scopes(
        "pkg question mark", [rule("pkg:a?c", "skip")], {"abc:f": S, "a.c:f": S, "ac:f": T}
    )
    yield from scopes(
        "pkg choice", [rule("pkg:{a,b}.*", "skip")], {"a.x:f": S, "b.x:f": S, "c.x:f": T}
    )
    yield from scopes("pkg class", [rule("pkg:[ab]x", "skip")], {"ax:f": S, "cx:f": T})
    yield from scopes("pkg negated class", [rule("pkg:[!ab]x", "skip")], {"cx:f": S, "ax:f": T})
    # obj
    yield from scopes(
        "obj literal",
        [rule("obj:literal:app.Box.area", "skip")],
        {"app:Box.area": S, "app:Box.size": T, "app:area": T},
    )
    yield from scopes(
        "obj glob", [rule("obj:app.Box.*", "skip")], {"app:Box.area": S, "app:Box": T}
    )
    yield from scopes(
        "obj of inner functions",
        [rule("obj:*.<locals>.*", "skip")],
        {"m:outer.<locals>.inner": S, "m:outer": T},
    )
    yield from scopes(
        "obj lambda", [rule("obj:regex:<lambda>$", "skip")], {"m:f.<locals>.<lambda>": S, "m:f": T}
    )
    yield from scopes(
        "obj module body", [rule("obj:literal:m.<module>", "skip")], {"m:<module>": S}
    )
    yield from scopes(
        "obj generator expression", [rule("obj:*<genexpr>", "skip")], {"m:f.<locals>.<genexpr>": S}
    )
    yield from scopes(
        "obj regex is a search",
        [rule("obj:regex:debug_", "skip")],
        {"m:debug_x": S, "m:C.debug_y": S, "m:dbg": T},
    )
    # file
    yield from scopes(
        "file glob",
        [rule("file:src/*.py", "skip")],
        {f"a:f@{ROOT}/src/a.py": S, f"a:f@{ROOT}/src/b/a.py": T, "a:f@/other/src/a.py": T},
    )
    yield from scopes(
        "file deep glob",
        [rule("file:src/**/*.py", "skip")],
        {f"a:f@{ROOT}/src/b/a.py": S, f"a:f@{ROOT}/src/a.py": S, f"a:f@{ROOT}/x.py": T},
    )
    yield from scopes(
        "file all below",
        [rule("file:tests/**", "skip")],
        {f"a:f@{ROOT}/tests/a/b.py": S, f"a:f@{ROOT}/src/t.py": T},
    )
    yield from scopes(
        "file literal",
        [rule("file:literal:a.py", "skip")],
        {f"a:f@{ROOT}/a.py": S, f"a:f@{ROOT}/b/a.py": T},
    )
    yield from scopes(
        "file cleaned",
        [rule("file:literal:./src//x/../a.py/", "skip")],
        {f"a:f@{ROOT}/src/a.py": S},
    )
    yield from scopes(
        "file absolute", [rule(f"file:literal:{ROOT}/a.py", "skip")], {f"a:f@{ROOT}/a.py": S}
    )
    yield from scopes(
        "file regex",
        [rule("file:regex:_gen\\.py$", "skip")],
        {f"a:f@{ROOT}/x_gen.py": S, "a:f@/elsewhere/y_gen.py": S, f"a:f@{ROOT}/x.py": T},
    )
    yield from scopes(
        "file outside of the root", [rule("file:usr/lib/x.py", "skip")], {"a:f@/usr/lib/x.py": S}
    )
    yield from scopes(
        "synthetic files in version 1",
        [rule("pkg:app", "trace")],
        {"app:f@<string>": S, "app:f@<stdin>": S},
        exec="trace",
    )
    yield from scopes("synthetic files in version 2", [], {"app:f@<string>": T}, version=2)
    # order
    yield from scopes(
        "the last match counts",
        [rule("pkg:app.*", "skip"), rule("obj:app.x.keep", "trace")],
        {"app.x:keep": T, "app.x:other": S},
    )
    yield from scopes(
        "kinds have no weight",
        [rule("obj:app.x.keep", "trace"), rule("pkg:app.*", "skip")],
        {"app.x:keep": S},
    )
    yield from scopes(
        "inherit changes nothing",
        [rule("pkg:app", "skip"), rule("pkg:app", "inherit")],
        {"app:f": S},
    )
    yield from scopes(
        "no exec changes nothing", [rule("pkg:app", "skip"), rule("pkg:*")], {"app:f": S}
    )
    yield from scopes(
        "skip and trace again",
        [rule("pkg:*", "skip"), rule("pkg:app", "trace")],
        {"app:f": T, "b:f": S},
    )
    # several files
    a, b = one(rule("pkg:app", "skip")), one(rule("pkg:app", "trace"))
    yield "a later file wins", [a, b], ("scope", "app", "f"), T
    yield "an earlier file loses", [b, a], ("scope", "app", "f"), S
    yield "a later default wins", [one(exec="trace"), one(exec="skip")], ("scope", "app", "f"), S
    yield "inherited default", [one(exec="skip"), one(exec="inherit")], ("scope", "app", "f"), S
    yield (
        "defaults first, rules after",
        [one(rule("pkg:app", "trace")), one(exec="skip")],
        ("scope", "app", "f"),
        T,
    )
    yield (
        "inherited values",
        [one(value="redact"), one(value="inherit")],
        ("value", "local", "x"),
        "redact",
    )
    # values, version 1
    A, R, D = "allow", "redact", "drop"
    yield from values("defaults", [], {"local:x": A, "arg:x": A, "global:x": A, "attr:x": A})
    yield from values("default redact", [], {"local:x": R, "ret:m.f": R}, value="redact")
    yield from values("default drop", [], {"local:x": D, "arg:x": D}, value="drop")
    yield from values("deny is redact", [], {"local:x": R}, value="deny")
    yield from values(
        "kinds",
        [rule("pkg:*", None, "local:x=redact", "arg:y=drop", "global:z=redact", "attr:w=redact")],
        {
            "local:x": R,
            "arg:x": A,
            "arg:y": D,
            "local:y": A,
            "global:z": R,
            "local:z": A,
            "attr:w": R,
            "attr:x": A,
        },
    )
    yield from values("deny in a pattern", [rule("pkg:*", None, "local:x=deny")], {"local:x": R})
    yield from values(
        "globs of names",
        [rule("pkg:*", None, "local:user_*=redact")],
        {"local:user_id": R, "local:user": A, "local:my_user_id": A},
    )
    yield from values(
        "regex of names",
        [rule("pkg:*", None, "local:regex:(?i)mail=redact")],
        {"local:eMail": R, "local:mailbox": R, "local:name": A},
    )
    yield from values(
        "literals of names",
        [rule("pkg:*", None, "local:literal:x*=redact")],
        {"local:x*": R, "local:xy": A},
    )
    yield from values(
        "the first match decides",
        [rule("pkg:*", None, "local:x=allow", "local:*=redact")],
        {"local:x": A, "local:y": R},
    )
    yield from values(
        "value_default", [rule("pkg:*", None, value_default="redact")], {"local:x": R}
    )
    yield from values(
        "a pattern before value_default",
        [rule("pkg:*", None, "local:x=allow", value_default="redact")],
        {"local:x": A, "local:y": R},
    )
    yield from values(
        "returned values",
        [rule("pkg:*", None, "ret:app.get_*=redact")],
        {"ret:app.get_x": R, "ret:app.put_x": A},
    )
    yield from values(
        "yield and unwind",
        [rule("pkg:*", None, "ret:<yield>=redact", "ret:<unwind>=drop")],
        {"ret:<yield>": R, "ret:<unwind>": D, "ret:app.f": A},
    )
    last = [rule("pkg:app", None, "local:x=redact"), rule("obj:app.*", None, "local:y=redact")]
    yield from values("only the last rule's patterns", last, {"local:x": A, "local:y": R})
    none = [rule("pkg:app", None, "local:x=redact"), rule("obj:app.*", "trace")]
    yield from values("a last rule without patterns leaves none", none, {"local:x": A})
    yield from values(
        "secrets stay underneath",
        none,
        {"local:password": R, "arg:api_key": R, "attr:db_passwd": R},
    )
    yield from values(
        "secrets at value_default allow",
        [rule("pkg:*", None, value_default="allow")],
        {"local:password": R},
    )
    yield from values(
        "an allow pattern lets a secret through",
        [rule("pkg:*", None, "local:password=allow")],
        {"local:password": A, "arg:password": R, "local:passwd": R},
    )
    yield from values("secrets when all is dropped", [], {"local:password": D}, value="drop")
    yield from values(
        "whole words",
        [],
        {
            f"local:{name}": A
            for name in (
                "author",
                "company",
                "bypass",
                "passport",
                "cardinal",
                "tokenize",
                "secretary",
                "discard",
            )
        },
    )
    yield from values(
        "secret names",
        [],
        {
            f"arg:{name}": R
            for name in (
                "password",
                "api_key",
                "apiKey",
                "db_passwd",
                "Authorization",
                "set-cookie",
                "X-Api-Key",
                "userPassword",
            )
        },
    )
    early = one(rule("pkg:*", None, "local:x=allow"), value="allow")
    yield "drop forgets earlier files", [early, one(value="drop")], ("value", "local", "x"), D
    yield (
        "drop keeps its own file",
        [one(), one(rule("pkg:*", None, "local:x=allow"), value="drop")],
        ("value", "local", "x"),
        A,
    )
    # version 2
    add = [rule("pkg:app", None, "local:x=redact"), rule("obj:app.*", None, "local:y=redact")]
    yield from values("patterns add up", add, {"local:x": R, "local:y": R}, version=2)
    over = [rule("pkg:app", None, "local:x=redact"), rule("obj:app.*", None, "local:x=allow")]
    yield from values("a later rule's patterns are asked first", over, {"local:x": A}, version=2)
    yield from values(
        "keys of dicts",
        [rule("pkg:*", None, "key:card_*=redact")],
        {"key:card_x": R, "key:other": A, "key:password": R},
        version=2,
    )
    mixed = [
        one(rule("pkg:*", None, "local:x=redact"), version=2),
        one(rule("pkg:*", "trace"), version=1),
    ]
    yield "a version 1 rule resets", mixed, ("value", "local", "x"), A
    mixed = [
        one(rule("pkg:*", None, "local:x=redact"), version=1),
        one(rule("pkg:*", "trace"), version=2),
    ]
    yield "a version 2 rule adds", mixed, ("value", "local", "x"), R
    yield from scopes(
        "sample none", [rule("pkg:app", None, sample=0)], {"app:f": S, "b:f": T}, version=2
    )
    yield from scopes("sample all", [rule("pkg:app", None, sample=1)], {"app:f": T}, version=2)
    # errors
    E = ("error",)
    bad = {
        "unknown kind": (
            rule("mod:app", "skip"),
            "scope.rules[0].selector",
            "allowed are pkg, file, obj",
        ),
        "no pattern": (rule("pkg:", "skip"), "the pattern is empty"),
        "no colon": (rule("app", "skip"), "kind:pattern"),
        "unknown match": (rule("pkg:fuzzy:app", "skip"), "known are glob, regex, literal"),
        "value kind in a rule": (rule("local:x", "skip"), "allowed are pkg, file, obj"),
        "scope kind in a pattern": (
            rule("pkg:a", None, "pkg:x=redact"),
            "scope.rules[0].value_patterns[0].selector",
        ),
        "look-ahead": (rule("pkg:regex:(?=a)", "skip"), "look-ahead"),
        "back-reference": (rule("pkg:regex:(a)\\1", "skip"), "back-references"),
        "open bracket": (rule("pkg:[a", "skip"), "not closed"),
        "open group": (rule("pkg:regex:(a", "skip"), "selector"),
        "too long": (rule("pkg:" + "a" * 513, "skip"), "512 are allowed"),
        "unknown exec": (rule("pkg:a", "stop"), "'stop' is not one of inherit, trace, skip"),
        "case of words": (rule("pkg:a", "Skip"), "did you mean 'skip'"),
        "case of kinds": (rule("PKG:a", "skip"), "is not allowed here"),
        "unknown action": (rule("pkg:a", None, "local:x=hide"), "'hide' is not one of"),
        "inherit as action": (rule("pkg:a", None, "local:x=inherit"), "'inherit' is not one of"),
        "unknown value_default": (
            rule("pkg:a", None, value_default="no"),
            "scope.rules[0].value_default",
        ),
        "unknown key": (rule("pkg:a", None, levl="lines"), "scope.rules[0].levl"),
        "level in version 1": (rule("pkg:a", None, level="lines"), "scope.rules[0].level"),
        "sample in version 1": (rule("pkg:a", None, sample=0.5), "scope.rules[0].sample"),
        "key in version 1": (rule("pkg:a", None, "key:x=redact"), "is not allowed here"),
        "value in version 1": (rule("pkg:a", None, "value:x=redact"), "is not allowed here"),
        "file outside": (
            rule("file:literal:/elsewhere/a.py", "skip"),
            "outside the filter's root",
        ),
        "file climbs": (rule("file:../a.py", "skip"), "climbs out"),
        "thread in version 1": (rule("thread:a", "skip"), "is not allowed here"),
        "blank kind": (rule(" pkg:a", "skip"), "is not allowed here"),
    }
    for name, (wrong, *words) in bad.items():
        yield f"refused: {name}", [one(wrong)], E, words
    for name, more, *words in (
        ("sample over 1", {"sample": 2}, "a number from 0 to 1"),
        ("sample a word", {"sample": "half"}, "a number from 0 to 1"),
        ("every 0", {"every": 0}, "a whole number from 1 on"),
        ("every a boolean", {"every": True}, "a whole number"),
        ("a duration without a unit", {"min_duration": "5"}, "no duration"),
        ("a duration as a number", {"min_duration": 5}, "no duration"),
        ("max_str too large", {"max_str": 5000}, "from 0 to 4096"),
        ("max_items negative", {"max_items": -2}, "from 0 to 1000"),
        ("an unknown level", {"level": "line"}, "did you mean 'lines'"),
    ):
        yield f"refused: {name}", [one(rule("pkg:a", None, **more), version=2)], E, words
    for kind in ("thread", "task"):
        yield from scopes(
            f"{kind}: asked at the call", [rule(f"{kind}:w-*", "skip")], {"app:f": T}, version=2
        )
        wrong = [one(rule(f"{kind}:a", "skip", level="lines", every=2), version=2)]
        words = ["scope.rules[0].level", "scope.rules[0].every", "may only set exec"]
        yield f"refused: {kind} with more than exec", wrong, E, words
        wrong = [one(rule(f"{kind}:a", "skip", "local:x=redact"), version=2)]
        yield f"refused: {kind} with patterns", wrong, E, ["scope.rules[0].value_patterns"]
    yield "refused: version 0", [one(version=0)], E, ["meta.version"]
    yield "refused: version 3", [one(version=3)], E, ["version 3 is newer", "meta.version"]
    yield "refused: default_exec", [one(exec="on")], E, ["scope.default_exec"]
    yield "refused: default_value_action", [one(value="hide")], E, ["scope.default_value_action"]
