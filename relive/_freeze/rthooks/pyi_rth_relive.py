"""Runs at the start of a frozen program: there is no site folder, so no relive.pth begins this."""

import _relive_boot

_relive_boot.start()
