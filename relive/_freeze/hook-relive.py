"""What a frozen program with `import relive` must hold: modules that are imported by name later.

Left out is what belongs to a pytest run, a notebook, or an interpreter that starts by itself."""

from PyInstaller.utils.hooks import collect_submodules

_LEFT_OUT = ("relive._freeze", "relive.fallback", "relive.notebooks", "relive.testing")

hiddenimports = [
    "_relive_boot",
    *collect_submodules("relive", filter=lambda name: not name.startswith(_LEFT_OUT)),
]
# What only a part of Relive imports, when the program has it already. A program that imports one of
# these itself keeps it.
excludedimports = ["IPython", "aiohttp", "httpx", "pytest", "requests", "rq", "urllib3"]
