/* Why: "thread 3" says little; the name that the program gave it says more.
 * Invariants: a name is looked up when its thread begins, when one of its slots is full, and when
 * the recording ends. It is also looked up after each of the first 32 ends of its outermost frame,
 * then the 64th, 128th ... It is compared by identity and hash, and written where it differs. */
#include "thread_names.h"

#include "gate.h"
#include "policy.h"
#include "pyerror.h"
#include "state.h"
#include "threadname.h"

enum {
    TRIES = 64, /* events of a new thread until `threading` must know it */
    OFTEN = 32
};

/* As it is written. 0 where it is not known: the main thread's is, also where nobody has imported
 * `threading`. */
static size_t name_text(struct thread *t, uint8_t *text, size_t size)
{
    static const char main_name[] = "MainThread";
    PyObject *name = threadname_of(t->ident);
    if (name != NULL) {
        t->name = name;
        t->name_hash = PyObject_Hash(name); /* of an exact str */
        return policy_clean_name(name, text, size);
    }
    if (t->lane.name == 0 && t->native_id == os_pid() && threadname_registry() == NULL) {
        memcpy(text, main_name, sizeof main_name - 1);
        return sizeof main_name - 1;
    }
    return 0;
}

void thread_names_begin(struct thread *t)
{
    uint8_t text[POLICY_NAME_MAX];
    struct pyerror error = pyerror_take();
    t->ident = PyThread_get_thread_ident();
    t->native_id = os_thread_id();
    t->name = NULL;
    t->name_looks = t->emptied = 0;
    t->name_is_due = 0;
    size_t len = name_text(t, text, sizeof text);
    pyerror_put_back(&error);
    recorder_lane_begin_named(recording.recorder, &t->lane, t, t->native_id, text, len);
}

/* Whether this is another name than the one that was written; it may be NULL. */
static int is_new_name(const struct thread *t, PyObject *name)
{
    return name != NULL && (name != t->name || ((PyASCIIObject *)name)->hash != t->name_hash);
}

/* The lane takes the name's definition; NULL where that may have no room just now. */
static void look_up_name(struct thread *t, struct lane *lane)
{
    uint8_t text[POLICY_NAME_MAX];
    if (t->lane.recorder == NULL) {
        return;
    }
    struct pyerror error = pyerror_take();
    if (is_new_name(t, threadname_of(t->ident))) {
        size_t len = name_text(t, text, sizeof text);
        recorder_lane_name(&t->lane, recorder_string(t->lane.recorder, lane, text, len));
    }
    pyerror_put_back(&error);
}

/* A definition has no room here, and a name without one is lost if the process is killed. So the
 * next event writes both. */
void thread_names_filled(struct thread *t)
{
    if (t->lane.recorder == NULL) {
        return;
    }
    struct pyerror error = pyerror_take();
    if (is_new_name(t, threadname_of(t->ident))) {
        t->name_is_due = 1;
        gate_close(t);
    }
    pyerror_put_back(&error);
}

int thread_names_are_awaited(struct thread *t)
{
    if (t->name_is_due) {
        t->name_is_due = 0;
        look_up_name(t, &t->lane);
    }
    if (t->lane.name != 0 || t->name_looks >= TRIES) {
        return 0;
    }
    t->name_looks++;
    look_up_name(t, &t->lane);
    return t->lane.name == 0;
}

void thread_names_emptied(struct thread *t)
{
    uint32_t n = ++t->emptied;
    if (n <= OFTEN || (n & (n - 1)) == 0) {
        look_up_name(t, &t->lane);
    }
}

void thread_names_end(void)
{
    os_lock_mutex(&recording.lock);
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        if (t->stamp == recording.stamp) {
            look_up_name(t, NULL);
        }
    }
    os_unlock_mutex(&recording.lock);
}
