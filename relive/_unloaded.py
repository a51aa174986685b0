"""Says why relive._core could not be loaded, and what to do about it.

Imported only after that failure. A wheel holds one compiled file, which fits one version of Python,
one C library and one kind of processor. The interpreter's own error names none of them."""

import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

FREE_THREADED = (
    "Relive reads objects and frames under the global interpreter lock, which it lacks. Use an"
    " interpreter without the t in its name"
)
_ENDINGS = (".so", ".pyd", ".dylib")


def explain(error: ImportError) -> ImportError:
    """Returns the error to raise in place of the interpreter's own."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if _is_free_threaded():
        text = f"{sys.executable} is a free-threaded Python. {FREE_THREADED}"
        return ImportError(f"relive cannot run here: {text}", name="relive._core")
    built = [one for one in sorted(os.listdir(folder)) if re.match(r"_core\.", one)]
    built = [one for one in built if one.endswith(_ENDINGS)]
    fitting = [one for one in built if one[len("_core") :] in EXTENSION_SUFFIXES]
    text = _explain_file(built, fitting, str(error), folder)
    path = os.path.join(folder, (fitting or built or [""])[0])
    return ImportError(f"relive cannot run here: {text}", name="relive._core", path=path)


def _is_free_threaded() -> bool:
    """Returns whether this interpreter was built without the global lock: python3.13t."""
    return "t" in getattr(sys, "abiflags", "")


def _explain_file(built: "List[str]", fitting: "List[str]", said: str, folder: str) -> str:
    """Returns the reason and the command that helps."""
    if not built:
        if os.path.exists(os.path.join(os.path.dirname(folder), "meson.build")):
            return (
                "this is the source folder, and nothing is built in it: run it from another"
                " folder, or `make demo` first"
            )
        return f"{folder} has no compiled file: {_install()}"
    if not fitting:
        ours, own = _describe_built(built[0]), _describe_own()
        if ours == own:  # the same version, on another system or processor
            ours += " on " + _platform_text(built[0])
            own += " on " + _platform_text(EXTENSION_SUFFIXES[0])
        return f"it was built for {ours}, and this is {own} ({sys.executable}): {_install()}"
    return f"{_explain_loader(said, fitting[0])} ({fitting[0]}: {_shorten(said)})"


def _explain_loader(said: str, name: str) -> str:
    """Returns what the loader's message means."""
    version = re.search(r"version [`'\"]?GLIBC_([\d.]+)", said)
    if version:
        return (
            f"it was built for glibc {version.group(1)} or newer, and this system has"
            f" {_describe_libc()}: {_build()}"
        )
    libc = _find_libc(said)
    if libc:
        return f"it was built for {libc}, and this system has {_describe_libc()}: {_install()}"
    if re.search(r"undefined symbol|: _?Py\w+: symbol not found", said):
        return (
            f"it was built for another build of {_describe_own()}, such as a debug or a"
            f" free-threaded one: {_build()}"
        )
    # glibc passes over a file of another processor, and says that there is none.
    foreign = (
        r"wrong ELF class|_core\.\S+: cannot open shared object|Exec format|mach-o|architecture"
    )
    if re.search(foreign, said):
        return f"it was built for another kind of processor: {_install()}"
    if re.search(r"too short|invalid ELF|past end|cannot read file data|truncated", said):
        return f"its compiled file is damaged: {_install()}"
    return f"its compiled file cannot be loaded: {_install()}"


def _find_libc(said: str) -> str:
    """Returns the C library that a file wants and the system has not, by the loader's message.

    musl's is called libc.so, where glibc's developers' package has a text of that name."""
    if re.search(r"libc\.musl|ld-musl|\blibc\.so: ", said):
        return "musl"
    if re.search(r"libc\.so\.6|ld-linux-", said):
        return "glibc"
    return "glibc" if re.search(r"Error relocating(?!.*: _?Py\w+: symbol)", said) else ""


def _describe_own() -> str:
    """Returns what this interpreter is, in the words of a wheel's file name."""
    return f"{sys.implementation.name} {_version_text(sys.implementation.cache_tag or '')}"


def _describe_built(name: str) -> str:
    """Returns for which interpreter a compiled file was built, from its name."""
    found = re.match(r"_core\.([a-z]+)-?(\d+t?d?)", name)
    if found is None:
        return name
    return f"{found.group(1)} {_version_text(found.group(2))}"


def _platform_text(name: str) -> str:
    """Returns `Linux aarch64 with musl` of `_core.cpython-312-aarch64-linux-musl.so`.

    A name without a platform is given whole."""
    found = re.search(r"-(\w+)-linux-(gnu|musl)\w*\.so$", name)
    if found:
        libc = "glibc" if found.group(2) == "gnu" else "musl"
        return f"Linux {found.group(1).replace('_', '-')} with {libc}"
    if name.endswith("-darwin.so"):
        return "macOS"
    return "Windows" if name.endswith(".pyd") else f"the platform of {name}"


def _version_text(tag: str) -> str:
    """Returns `3.12` of a tag such as `cpython-312`; free-threaded and debug builds end in t, d."""
    found: "Optional[re.Match[str]]" = re.search(r"(\d)(\d+)([td]*)$", tag)
    return f"{found.group(1)}.{found.group(2)}{found.group(3)}" if found else tag


def _describe_libc() -> str:
    """Returns the name of the C library, with its version where it has one."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "another C library"
    except (AttributeError, OSError, ValueError):
        return "another C library than glibc"


def _shorten(said: str) -> str:
    """Returns the loader's message without the folder and on one line."""
    return re.sub(r"\s+", " ", re.sub(r"/\S*/", "", said))[:200]


def _install() -> str:
    return f"try {sys.executable} -m pip install --force-reinstall --no-cache-dir relive"


def _build() -> str:
    return (
        f"build it here: {sys.executable} -m pip install --force-reinstall --no-binary relive"
        " relive (a C compiler is needed; the build names the packages)"
    )
