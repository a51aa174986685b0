"""A prompt with pdb's commands, over anything that has a place to be at.

    console     reads lines: a terminal, a pipe, a script
       |
    commands    what each command does
       |        base, going, looking, asking, stopping: its parts
       |        registry, display, breakpoints, completion: its helpers
     place       what a prompt needs to know: frames, variables, source, steps
       |
    recorded    a recording; relive.debug.live is a program that has stopped

Nothing above `place` knows what it talks about: a recording, or a program that runs."""
