"""PyInstaller's door (entry point `pyinstaller40`): it names the folder of the hooks."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def hook_folders() -> "List[str]":
    """Returns the folders in which PyInstaller looks for hooks."""
    return [os.path.dirname(os.path.abspath(__file__))]
