"""pytest's door to Relive: the options. Nothing of Relive is imported unless --relive is given.

It is a module of its own for that reason: a module in the package would import the package."""

import copy

import pytest

_LEVELS = ("calls", "values", "lines")
_FLAG = "--relive"


def pytest_addoption(parser):
    group = parser.getgroup("relive", "recordings of failed tests (Relive)")
    group.addoption(
        "--relive",
        nargs="?",
        const="",
        default=None,
        metavar="LEVEL",
        help="record each test, and keep the recordings of those that fail."
        " LEVEL is calls, values (default) or lines",
    )
    group.addoption(
        "--relive-keep",
        choices=("failed", "all"),
        default="failed",
        help="which recordings are kept (default: failed)",
    )
    group.addoption(
        "--relive-dir",
        metavar="DIR",
        default=None,
        help="where they are kept (default: .relive/pytest below the rootdir)",
    )
    group.addoption(
        "--relive-include",
        metavar="MODULE",
        action="append",
        default=[],
        help="record this installed package or module too (may be given several times)",
    )
    group.addoption(
        "--relive-rerun",
        action="store_true",
        default=False,
        help="run a failed test once more at once, recorded with lines, and say whether it took"
        " the same path (implies --relive)",
    )
    group.addoption(
        "--relive-max",
        metavar="SIZE",
        default="256M",
        help="the newest events of a test are kept, in this much space (default 256M)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """Reads `--relive tests` as `--relive` and a path: argparse takes the path for the level, which
    is therefore checked later (relive.testing.pytest_plugin)."""
    is_changed = False
    for i, word in enumerate(args[:-1]):
        if word == "--":
            break
        if word == _FLAG and args[i + 1] not in _LEVELS:
            args[i] = f"{_FLAG}="
            is_changed = True
    if is_changed:
        read = parser.parse_known_args(args, namespace=copy.copy(early_config.option))
        known = early_config.known_args_namespace  # has what pytest has found out, confcutdir too
        known.relive, known.file_or_dir = read.relive, read.file_or_dir


def pytest_configure(config):
    if config.getoption("relive_rerun") and config.getoption("relive") is None:
        config.option.relive = ""
    if config.getoption("relive") is not None:
        _keep_compiled(config)
        from relive.testing import pytest_plugin

        pytest_plugin.begin(config)


def _keep_compiled(config):
    """Takes Relive from the packages whose assertions pytest rewrites, which are those of plugins.

    pytest would compile twenty modules again: in each run where it may not store compiled files."""
    hook = config.pluginmanager.rewrite_hook
    wanted = getattr(hook, "_must_rewrite", None)  # --assert=plain has none
    if isinstance(wanted, set):
        wanted.discard("relive")
        getattr(hook, "_marked_for_rewrite_cache", {}).clear()
