/* Why: in an asynchronous program "who called this" is a task, not a thread.
 * Invariants: a task is known by address from its first step to its last; a first step at a known
 * address is a new task. What is called here are functions of _asyncio, written in C. */
#include "tasks.h"

#include <string.h>

#include "capture.h"
#include "loops.h"
#include "policy.h"
#include "pyerror.h"
#include "pyframe.h"
#include "rows.h"
#include "state.h"

#include "alloc.h"

static struct u64map serials; /* address of a task -> its number in this recording */
static struct u64map roots;   /* number -> its outermost frame */
static uint32_t last_serial;

/* Where a coroutine was made a task. */
struct making {
    uint64_t frame; /* innermost recorded one then, and the line in it */
    uint32_t line;
    uint32_t parent; /* number of the task that ran, 0 = none */
    uint64_t call;   /* the call that was seen first; those inside it say no better */
    uint32_t depth;
};
static struct u64map makings; /* address of a coroutine -> its struct making *, owned */

void tasks_forget(void)
{
    u64map_clear(&serials);
    u64map_clear(&roots);
    for (size_t i = 0; i < makings.capacity; i++) {
        if (makings.entries[i].key != 0) {
            rl_free((void *)(uintptr_t)makings.entries[i].value);
        }
    }
    u64map_clear(&makings);
    last_serial = 0;
}

/* The number of the task whose nursery a task of trio is in, 0 = not known. */
static uint32_t nursery_owner(PyObject *task)
{
    PyObject *nursery = PyObject_GetAttrString(task, "_parent_nursery"); /* owned */
    PyObject *owner = nursery != NULL ? PyObject_GetAttrString(nursery, "_parent_task") : NULL;
    const uint64_t *serial =
        owner != NULL ? u64map_get(&serials, (uint64_t)(uintptr_t)owner) : NULL;
    Py_XDECREF(owner);
    Py_XDECREF(nursery);
    PyErr_Clear();
    return serial != NULL ? (uint32_t)*serial : 0;
}

/* Defines the name of a task, without the secrets in it. */
static uint32_t clean_name(struct thread *t, PyObject *name)
{
    uint8_t text[POLICY_NAME_MAX];
    size_t n = policy_clean_name(name, text, sizeof text);
    return recorder_string(recording.recorder, &t->lane, text, n);
}

/* ---- where tasks are made ---- */

/* Remembers where a coroutine is made a task: the outermost call that passes it on says most. */
static void note_making(struct thread *t, PyObject *coroutine)
{
    uint64_t key = (uint64_t)(uintptr_t)coroutine;
    const uint64_t *known = u64map_get(&makings, key);
    struct making *made = known != NULL ? (struct making *)(uintptr_t)*known : NULL;
    if (made != NULL && made->depth < t->depth && t->stack[made->depth + 1].frame == made->call) {
        return;
    }
    if (made == NULL && ((made = rl_zalloc_apart(1, sizeof *made)) == NULL ||
                         u64map_put(&makings, key, (uint64_t)(uintptr_t)made) != 0)) {
        rl_free(made);
        return;
    }
    const struct open_frame *top = &t->stack[t->depth];
    int line = t->depth != 0 ? native_line(top->key) : 0;
    *made = (struct making){.frame = top->frame,
                            .line = line > 0 ? (uint32_t)line : 0,
                            .parent = t->task_count != 0 ? t->tasks[t->task_count - 1].serial : 0,
                            .call = t->lane.next_frame,
                            .depth = t->depth};
}

void tasks_made(struct thread *t, const struct event *event)
{
    uint32_t args = code_parameters(event->code);
    for (uint32_t i = 0; i < args && i < 3; i++) {
        Py_ssize_t slot = native_parameter_slot(event->code, event->frame, i);
        PyObject *value = frame_variable(event->code, event->frame, slot);
        if (value != NULL && PyCoro_CheckExact(value)) {
            note_making(t, value);
        }
        /* gather(*coroutines) */
        for (Py_ssize_t k = 0;
             value != NULL && PyTuple_CheckExact(value) && k < PyTuple_GET_SIZE(value); k++) {
            if (PyCoro_CheckExact(PyTuple_GET_ITEM(value, k))) {
                note_making(t, PyTuple_GET_ITEM(value, k));
            }
        }
    }
}

/* ---- rows ---- */

/* Writes the event of a task that is seen first. */
static void put_start(struct thread *t, PyObject *task, int is_trio, const struct event *event,
                      uint32_t serial)
{
    uint8_t few[4 * VARINT_MAX + 16] = {RL_VALUE_UNSET}, *bytes = few, *p = few + 1;
    PyObject *name = loops_name_of(task, is_trio); /* owned */
    uint32_t name_id = name != NULL ? clean_name(t, name) : 0;
    Py_XDECREF(name);
    struct capture *c = rows_capture(t, NULL);
    PyObject *coroutine = native_generator(event->frame);
    uint64_t made = 0;
    if (c != NULL && coroutine != NULL) {
        capture_value(c, coroutine);
        bytes = c->bytes;
        p = c->p;
    }
    if (u64map_remove(&makings, (uint64_t)(uintptr_t)coroutine, &made) && made != 0) {
        struct making *making = (struct making *)(uintptr_t)made;
        p = put_varint(p, making->parent);
        p = put_varint(p, making->frame);
        p = put_varint(p, making->line);
        rl_free(making);
    } else if (is_trio) {
        p = put_varint(p, nursery_owner(task));
        p = put_varint(p, 0);
        p = put_varint(p, 0);
    }
    (void)lane_put_values(&t->lane, RL_EVENT_TASK_START, name_id, serial, bytes,
                          (uint32_t)(p - bytes));
}

/* Returns the number of a task; is_first: a new task, also at the address of an earlier one. */
static uint32_t serial_of(struct thread *t, PyObject *task, int is_trio, const struct event *event,
                          int is_first)
{
    uint64_t key = (uint64_t)(uintptr_t)task;
    const uint64_t *known = u64map_get(&serials, key);
    if (known != NULL && !is_first) {
        return (uint32_t)*known;
    }
    uint32_t serial = ++last_serial;
    if (u64map_put(&serials, key, serial) != 0) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
    }
    put_start(t, task, is_trio, event, serial);
    return serial;
}

void tasks_enter(struct thread *t, const struct event *event, int is_first)
{
    if (t->task_count == TASKS_NESTED || t->is_suppressed) {
        return;
    }
    struct pyerror error = pyerror_take();
    int is_trio;
    PyObject *task = loops_task_now(t, &is_trio); /* owned */
    int is_running = t->task_count != 0 && t->tasks[t->task_count - 1].task == task;
    if (task != NULL && task != Py_None && !is_running && recording.recorder != NULL) {
        struct running_task *running = &t->tasks[t->task_count++];
        running->serial = serial_of(t, task, is_trio, event, is_first);
        running->frame = 0;
        running->task = task;
        (void)lane_put(&t->lane, RL_EVENT_TASK_SWITCH, 0, running->serial);
    }
    Py_XDECREF(task);
    pyerror_put_back(&error);
}

void tasks_entered(struct thread *t, uint64_t frame, int is_throw)
{
    struct running_task *running = t->task_count != 0 ? &t->tasks[t->task_count - 1] : NULL;
    if (running == NULL || running->frame != 0) {
        return;
    }
    running->frame = frame;
    /* An exception is thrown into the innermost one first: that may be any frame of the task. */
    if (!is_throw && u64map_get(&roots, running->serial) == NULL) {
        (void)u64map_put(&roots, running->serial, frame);
    }
}

void tasks_leave(struct thread *t, uint64_t frame, int has_ended)
{
    const struct running_task *running = &t->tasks[t->task_count - 1];
    if (running->frame != frame) {
        return;
    }
    t->task_count--;
    const uint64_t *root = has_ended ? u64map_get(&roots, running->serial) : NULL;
    if (root == NULL || *root != frame) {
        return;
    }
    (void)lane_put(&t->lane, RL_EVENT_TASK_END, 0, running->serial);
    (void)u64map_remove(&roots, running->serial, NULL);
    (void)u64map_remove(&serials, (uint64_t)(uintptr_t)running->task, NULL);
}
