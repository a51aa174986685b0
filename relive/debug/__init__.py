"""The debugger, without a front of its own: a protocol adapter or a prompt drives it.

    boot          starts it in a process that `relive debug` began
    integration   breakpoint(), pdb and a program's own bdb.Bdb led to the engine
    prompt        pdb's prompt on the engine, and relive.set_trace()
    words         the commands of relive.prompt as methods of pdb's prompt
    live          a stop as a place of relive.prompt; live_tasks, live_recording, values
    restart       the program once more, with what was set at the prompt
    manager       module-level functions that share one runtime
    stdlib_pdb    the standard library's pdb, also where another package is imported as pdb
    bdb_bridge    bdb's table of breakpoints and its stepping commands, on the engine
    decisions, known_code, rewriting    what the engine decided about frames and code
    shared_prompt    each thread's own place in the one prompt, and Control-C
    children      child processes: breakpoints off, or a prompt for each in its turn
    carried       settings on their way to another process
    engine        the runtime: starts and stops the C engine and owns all of the parts below
    protocol      what a front does with stops: resume, pause, evaluate, quit
    evaluation, values, stops
    breakpoints, conditions, frame_locals, policy, settings, statistics, telemetry, patches

Each module imports only modules below it in this list."""
