/* Part of reader_object.h.
 * Why: callers want the open frames at many events, and one walk through the recording finds them
 * for all of these events.
 *
 *     (thread, number) --> key --> its place in the list
 *     each event of the recording: key known? --> the frames that are open in its thread
 *
 * Threads: the walk runs without the GIL, all else under it. */
#include "reader_object.h"

#include "map.h"

static uint64_t make_position_key(uint32_t thread, uint64_t seq)
{
    return (uint64_t)thread << RL_FRAME_ORDINAL_BITS | (seq & RL_FRAME_ORDINAL_MASK);
}

/* (thread, seq) -> its place in the list, + 1 */
static int take_positions(PyObject *list, struct u64map *wanted)
{
    unsigned thread;
    unsigned long long seq;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *pair = PyList_GET_ITEM(list, i);
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "IK", &thread, &seq)) {
            return -1;
        }
        if (u64map_put(wanted, make_position_key(thread, seq), (uint64_t)i + 1) != 0) {
            (void)PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* The place of a frame in the stack, or `other` where it is not there. */
static size_t find_frame_place(const struct open_activation *stack, size_t depth, uint64_t frame,
                               size_t other)
{
    for (size_t i = depth; frame != 0 && i-- > 0;) {
        if (stack[i].frame == frame) {
            return i;
        }
    }
    return other;
}

/* The frame and those that called it, outermost first. Where greenlets take turns others of the
 * thread are open, too. */
PyObject *reader_stack_list(const struct open_activation *stack, size_t depth, uint64_t frame)
{
    PyObject *list = PyList_New(0);
    size_t at = depth != 0 ? find_frame_place(stack, depth, frame, depth - 1) : 0;
    for (size_t left = depth; list != NULL && left != 0; left--) {
        const struct open_activation *open = &stack[at];
        PyObject *row =
            Py_BuildValue("(KII)", (unsigned long long)open->frame, open->code, open->line);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
        if (open->is_root || (at == 0 && open->caller == 0)) {
            break;
        }
        at = find_frame_place(stack, depth, open->caller, at - (at != 0));
    }
    if (list != NULL && PyList_Reverse(list) != 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* Returns the stretch of the first of these events. */
static size_t find_first_stretch(const struct reader *r, const struct u64map *wanted)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < wanted->capacity; i++) {
        uint64_t key = wanted->entries[i].key;
        if (key != 0) {
            size_t stretch = skim_stretch_of_event(r, (uint32_t)(key >> RL_FRAME_ORDINAL_BITS),
                                                   key & RL_FRAME_ORDINAL_MASK);
            first = stretch < first ? stretch : first;
        }
    }
    return first != SIZE_MAX ? first : 0;
}

/* Puts the stacks of one walk through the events into `found`; 0, or -1 with an exception. */
static int collect_stacks(struct reader *r, struct u64map *wanted, PyObject *found)
{
    struct skim skim = {0};
    struct event_out event;
    const uint64_t *place = NULL;
    size_t left = (size_t)PyList_GET_SIZE(found), depth;
    int failed = 0;
    rl_status status = skim_open(r, 0, find_first_stretch(r, wanted), NULL, &skim);
    while (status == RL_OK && left != 0 && !failed) {
        Py_BEGIN_ALLOW_THREADS
        do {
            status = skim_next(&skim, NULL, &event);
            place = status == RL_OK ? u64map_get(wanted, make_position_key(event.thread, event.seq))
                                    : NULL;
        } while (status == RL_OK && place == NULL);
        Py_END_ALLOW_THREADS
        if (place != NULL) {
            const struct open_activation *open = cursor_stack(skim.cursor, &depth);
            PyObject *stack = reader_stack_list(open, depth, event.frame);
            failed = stack == NULL || PyList_SetItem(found, (Py_ssize_t)*place - 1, stack) != 0;
            left--;
        }
    }
    skim_close(&skim);
    if (status == RL_NOMEM) {
        (void)PyErr_NoMemory();
    }
    return failed || status == RL_NOMEM ? -1 : 0;
}

/* stacks_at([(thread, number)]): [stack or None] */
PyObject *reader_stacks_at(struct reader_object *self, PyObject *positions)
{
    struct u64map wanted = {0};
    PyObject *list = PySequence_List(positions); /* owned */
    struct reader *r = list != NULL ? reader_enter(self) : NULL;
    PyObject *found = NULL;
    if (r != NULL && take_positions(list, &wanted) == 0) {
        found = PyList_New(PyList_GET_SIZE(list));
    }
    for (Py_ssize_t i = 0; found != NULL && i < PyList_GET_SIZE(found); i++) {
        Py_INCREF(Py_None);
        PyList_SET_ITEM(found, i, Py_None);
    }
    if (found != NULL && collect_stacks(r, &wanted, found) != 0) {
        Py_CLEAR(found);
    }
    u64map_fini(&wanted);
    self->busy = r != NULL ? 0 : self->busy;
    Py_XDECREF(list);
    return found;
}
