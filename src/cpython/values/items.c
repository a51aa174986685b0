/* Why: see items.h. Invariant: no reference is kept, and no code of the program runs. */
#include "items.h"

#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "fingerprint.h"
#include "instance.h"
#include "typeinfo.h"

/* Walks the items of a container. next_item() gives the name and the value of each; 0 at the
 * end. */
struct walk {
    PyObject *object;
    const struct typeinfo *info;
    Py_ssize_t at;    /* place in the dictionary, list or values */
    uint32_t fields;  /* slots that have been passed */
    int is_dict;      /* keys are items, not attributes */
    PyObject *name;   /* borrowed: key or attribute; NULL = the index is the name */
    const char *word; /* or the name of a slot */
    PyObject *value;  /* borrowed */
};

/* Moves to the next entry of a dictionary. */
static int next_of_dict(struct walk *w, PyObject *dict)
{
    return dict != NULL && PyDict_Check(dict) && PyDict_Next(dict, &w->at, &w->name, &w->value);
}

/* Moves to the next slot, then to the attributes of an instance. */
static int next_attribute(struct walk *w)
{
    w->word = NULL;
    while (w->fields < w->info->field_count) {
        const struct field *field = &w->info->fields[w->fields++];
        w->value = *(PyObject **)(void *)((char *)w->object + field->offset);
        w->word = field->word;
        w->name = NULL;
        if (w->value != NULL) {
            return 1;
        }
    }
    w->word = NULL;
    if (!w->info->has_dict) {
        return 0;
    }
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(w->object, &v)) {
        while (w->at < v.count) {
            w->name = v.keys[w->at].me_key;
            w->value = v.values[w->at++];
            if (w->value != NULL && w->name != NULL) {
                return 1;
            }
        }
        return 0;
    }
#endif
    return next_of_dict(w, instance_dict(w->object));
}

static int next_item(struct walk *w)
{
    if (w->info->show == SHOW_LIST) {
        const PyListObject *list = (PyListObject *)w->object;
        w->value = w->at < Py_SIZE(list) ? list->ob_item[w->at] : NULL;
        w->at++;
        return w->value != NULL;
    }
    if (w->info->show == SHOW_DICT) {
        w->is_dict = 1;
        return next_of_dict(w, w->object);
    }
    return w->info->show == SHOW_FIELDS && next_attribute(w);
}

void items_look(PyObject *container, const struct typeinfo *info, struct items *items)
{
    struct walk w = {.object = container, .info = info};
    items->count = 0;
    while (items->count <= ITEMS_MOST && next_item(&w)) {
        if (items->count < ITEMS_MOST) {
            uint64_t word = watch_mix((uint64_t)(uintptr_t)w.name, (uint64_t)(uintptr_t)w.word);
            word = watch_mix(word, (uint64_t)(uintptr_t)w.value);
            items->words[items->count] = watch_mix(word, watch_atom(w.value));
        }
        items->count++;
    }
}

/* Compares word by word, and stops at the second difference. */
int items_difference(const struct items *before, const struct items *now)
{
    int found = -1;
    if (before->count > ITEMS_MOST || now->count > ITEMS_MOST) {
        return -1;
    }
    for (uint32_t i = 0; i < before->count && i < now->count; i++) {
        if (before->words[i] != now->words[i]) {
            if (found >= 0) {
                return -1;
            }
            found = (int)i;
        }
    }
    if (now->count == before->count + 1) {
        return found < 0 ? (int)before->count : -1;
    }
    return now->count == before->count ? found : -1;
}

void items_put(struct capture *c, PyObject *container, const struct typeinfo *info, int index)
{
    struct walk w = {.object = container, .info = info};
    for (int i = 0; i <= index; i++) {
        if (!next_item(&w)) {
            return;
        }
    }
    int is_attribute = info->show == SHOW_FIELDS;
    capture_put_number(c, (uint64_t)(is_attribute ? RL_ITEM_ATTRIBUTE : RL_ITEM_KEY) << 3 |
                              RL_WRITE_ITEM);
    if (w.word != NULL) {
        size_t n = strlen(w.word);
        capture_put_tag(c, RL_VALUE_STR);
        capture_put_number(c, n);
        memcpy(c->p, w.word, n);
        c->p += n;
    } else if (w.name != NULL) {
        capture_value(c, w.name);
    } else {
        capture_put_tag(c, RL_VALUE_INT);
        capture_put_number(c, zigzag(index));
    }
}
