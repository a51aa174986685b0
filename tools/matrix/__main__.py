"""Builds, tests and measures Relive on every interpreter found: what the Makefile calls.

Runs on any Python from 3.8 on, with the standard library only. Everything it makes is under build/.
Of the tests, the last line is `N passed, N failed, N skipped`; before it, one line an interpreter.

    environments.py   interpreters, virtual environments, wheels
    suites.py         test, full, check, mutants, doors: C tests, Python tests, those of tools
    chance.py         which tests failed by chance
    hunts.py          asan, tsan, fuzz, stress, refs: what looks for rarer mistakes
    costs.py          bench, workloads, filters, debug, embed, proof, peers, pdb-tests
    lint.py           lint, lint-release, fmt
    demo.py           demo, picture
    wheels.py         wheels; targets.py, libraries.py, seal.py are its parts
    wheel_test.py     wheel-test, install
    cross.py          cross: other processors and systems; foreign.py brings their CPythons
    outside.py        outside: uvx, pipx, frozen programs
    sdist.py          sdist
    trained.py        trained: wheels for this machine
"""

import argparse
import signal
import sys

import costs
import cross
import demo
import hunts
import lint
import outside
import sdist
import suites
import trained
import wheel_test
import wheels
from environments import DOORS_ON, VERSIONS, WHOLE, Failed, say

# Each command takes the parsed arguments and returns an exit status.
COMMANDS = {
    "demo": lambda args: demo.show(),
    "picture": lambda args: demo.picture(),
    "test": lambda args: suites.test(args.only or VERSIONS, args.only or WHOLE, keyword=args.k),
    "full": lambda args: suites.test(args.only or VERSIONS, args.only or VERSIONS, True, args.k),
    "check": lambda args: suites.check() | lint.check(),
    "asan": lambda args: hunts.asan(),
    "tsan": lambda args: hunts.tsan(),
    "fuzz": lambda args: hunts.fuzz(args.seconds),
    "stress": lambda args: hunts.stress(args.seconds),
    "refs": lambda args: hunts.refs(),
    "doors": lambda args: suites.doors(args.only or DOORS_ON, args.k),
    "mutants": lambda args: suites.mutants(),
    "bench": lambda args: costs.bench(),
    "ask": lambda args: costs.ask(args.only),
    "workloads": lambda args: costs.workloads(args.only, args.before.split()),
    "filters": lambda args: costs.beside_peers(["filters.py"], costs.FILTERED),
    "debug": lambda args: costs.beside_peers(["debug.py", "debug_modules.py"], VERSIONS),
    "embed": lambda args: costs.beside_peers(["embed.py", "embed_sessions.py"], VERSIONS),
    "proof": lambda args: costs.proof(),
    "pdb-tests": lambda args: costs.pdb_tests(args.only),
    "peers": lambda args: costs.beside_peers(["peers.py"], costs.WITH_PEERS),
    "trained": lambda args: trained.wheels(args.only),
    "wheels": lambda args: wheels.build_all(args.only),
    "wheel-test": lambda args: wheel_test.test(args.only),
    "cross": lambda args: cross.test(args.only),
    "outside": lambda args: outside.test(args.only),
    "install": lambda args: wheel_test.costs(),
    "sdist": lambda args: sdist.build(),
    "lint": lambda args: lint.check(),
    "lint-release": lambda args: lint.check_workflows(),
    "fmt": lambda args: lint.rewrite(),
}


def parse(words):
    """Returns the arguments; `only` is a list of versions that exist."""
    parser = argparse.ArgumentParser(
        prog="tools/matrix",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="versions, for tests, `workloads`, `wheels`")
    parser.add_argument("--before", default="", help="interpreters with an older tree, `workloads`")
    parser.add_argument("-k", default="", help="tests to run: a file's name, or pytest's -k")
    args = parser.parse_args(words)
    args.only = args.only.replace(",", " ").split()
    for version in args.only:
        if version not in VERSIONS:
            parser.error(f"ONLY={version}: the versions are {' '.join(VERSIONS)}")
    return args


def main(words):
    args = parse(words)
    # A shell's background jobs ignore interrupts, and what they start does: tests send some.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    try:
        return COMMANDS[args.command](args)
    except Failed as error:
        say(f"failed: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
