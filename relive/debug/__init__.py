"""The fronts of the debugger: a prompt like pdb's (prompt.py), and the start of a process that is
debugged (boot.py). The engine is relive.frame_eval's."""
