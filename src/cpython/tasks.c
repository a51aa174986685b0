/* Why: in an asynchronous program "who called this" is a task, not a thread.
 * Invariants: a task is known by address from its first step to its last; a first step at a known
 * address is a new task. What is called here are functions of _asyncio, written in C. */
#include "tasks.h"

#include <string.h>

#include "session.h"

static PyObject *asyncio;     /* owned: the module _asyncio, once it was seen */
static struct u64map serials; /* address of a task -> its number in this recording */
static struct u64map roots;   /* number -> its outermost frame */
static uint32_t last_serial;

void tasks_look_for_asyncio(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = modules != NULL ? PyDict_GetItemString(modules, "_asyncio") : NULL;
    if (asyncio == NULL && module != NULL && PyModule_Check(module)) {
        Py_INCREF(module);
        asyncio = module;
    }
    session.has_asyncio = asyncio != NULL;
}

void tasks_forget(void)
{
    u64map_clear(&serials);
    u64map_clear(&roots);
    last_serial = 0;
}

#if HAS_NATIVE_CURRENT_TASK
static PyObject *current_task(void) /* owned or NULL */
{
    PyObject *loop = PyObject_CallMethod(asyncio, "_get_running_loop", NULL); /* owned */
    PyObject *task = NULL;
    if (loop != NULL && loop != Py_None) {
        task = PyObject_CallMethod(asyncio, "current_task", "O", loop);
    }
    Py_XDECREF(loop);
    return task;
}
#else
static PyObject *current_task(void) /* owned or NULL */
{
    PyObject *tasks = PyObject_GetAttrString(asyncio, "_current_tasks"); /* owned */
    PyObject *loop = tasks != NULL ? PyObject_CallMethod(asyncio, "_get_running_loop", NULL) : NULL;
    PyObject *key, *value, *task = NULL;
    Py_ssize_t at = 0;
    while (loop != NULL && PyDict_Check(tasks) && PyDict_Next(tasks, &at, &key, &value)) {
        if (key == loop) {
            Py_INCREF(value);
            task = value;
            break;
        }
    }
    Py_XDECREF(loop);
    Py_XDECREF(tasks);
    return task;
}
#endif

/* The name that the task was given, or got. */
static uint32_t name_of(struct thread *t, PyObject *task)
{
    PyTypeObject *type = Py_TYPE(task);
    if (!TYPE_IS_NATIVE(type)) {
        return 0; /* a class of the program: its methods are its own */
    }
    PyObject *name = PyObject_CallMethod(task, "get_name", NULL); /* owned */
    uint32_t id = name != NULL && PyUnicode_CheckExact(name) ? capture_name_id(&t->lane, name) : 0;
    PyErr_Clear();
    Py_XDECREF(name);
    return id;
}

static void put_start(struct thread *t, PyObject *task, const struct event *event, uint32_t serial)
{
    uint32_t name = name_of(t, task);
    struct capture *c = session_capture(t);
    PyObject *coroutine = native_generator(event->frame);
    if (c != NULL && coroutine != NULL) {
        capture_value(c, coroutine);
        (void)lane_put_values(&t->lane, RL_EVENT_TASK_START, name, serial, c->bytes,
                              capture_size(c));
    } else {
        (void)lane_put(&t->lane, RL_EVENT_TASK_START, name, serial);
    }
}

static uint32_t serial_of(struct thread *t, PyObject *task, const struct event *event, int is_first)
{
    uint64_t key = (uint64_t)(uintptr_t)task;
    const uint64_t *known = u64map_get(&serials, key);
    if (known != NULL && !is_first) {
        return (uint32_t)*known;
    }
    uint32_t serial = ++last_serial;
    if (u64map_put(&serials, key, serial) != 0) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
    }
    put_start(t, task, event, serial);
    return serial;
}

void tasks_enter(struct thread *t, const struct event *event, int is_first)
{
    PyObject *type, *value, *traceback;
    if (t->task_count == TASKS_NESTED || t->is_suppressed) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    uint64_t gate = t->gate;
    t->is_suppressed = 1; /* nothing Python is expected to run; if it does, it is not the program */
    t->gate = 0;
    PyObject *task = current_task(); /* owned */
    t->is_suppressed = 0;
    t->gate = gate;
    PyErr_Clear();
    if (task != NULL && task != Py_None && session.recorder != NULL) {
        struct running_task *running = &t->tasks[t->task_count++];
        running->serial = serial_of(t, task, event, is_first);
        running->frame = 0;
        running->task = task;
        (void)lane_put(&t->lane, RL_EVENT_TASK_SWITCH, 0, running->serial);
    }
    Py_XDECREF(task);
    PyErr_Restore(type, value, traceback);
}

void tasks_entered(struct thread *t, uint64_t frame, int is_throw)
{
    struct running_task *running = &t->tasks[t->task_count - 1];
    if (t->task_count == 0 || running->frame != 0) {
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
    const uint64_t *root = u64map_get(&roots, running->serial);
    if (!has_ended || root == NULL || *root != frame) {
        return;
    }
    (void)lane_put(&t->lane, RL_EVENT_TASK_END, 0, running->serial);
    (void)u64map_remove(&roots, running->serial, NULL);
    (void)u64map_remove(&serials, (uint64_t)(uintptr_t)running->task, NULL);
}
