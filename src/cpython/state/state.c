/* Why: the variables of state.h, bounds.h and word.h. Nothing happens here. */
#include "state.h"

#include "bounds.h"
#include "word.h"

struct recording recording;
_Thread_local struct thread *thread_self;
struct open_sessions sessions_all = {.numbers = RL_ID_MAX};
struct listener listener;
struct value_limits value_limits = {.depth = 3, .items = 10, .bytes = 256};
struct level_limits level_limits;
Py_ssize_t codeinfo_index = -1;
