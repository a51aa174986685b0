/* Why: see pieces.h. */
#include "pieces.h"

#include "operand.h"

PyObject *pieces_next(struct reader_object *reader, int *has_ended, pieces_fill *fill, void *self)
{
    if (*has_ended) {
        Py_RETURN_NONE;
    }
    struct reader *file = reader_enter(reader);
    if (file == NULL) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    rl_status status = list != NULL ? fill(self, file, list) : RL_NOMEM;
    reader->busy = 0;
    if (status == RL_NOMEM) {
        Py_XDECREF(list);
        return PyErr_Occurred() != NULL ? NULL : PyErr_NoMemory();
    }
    *has_ended = status == RL_END;
    if (*has_ended && PyList_GET_SIZE(list) == 0) {
        Py_DECREF(list);
        Py_RETURN_NONE;
    }
    return list;
}

PyObject *pieces_reasons(const uint64_t *reasons)
{
    PyObject *found = PyDict_New();
    for (unsigned i = 0; found != NULL && i < OPERAND_REASON_COUNT; i++) {
        if (reasons[i] != 0 && reader_put_u64(found, operand_reason_text(i), reasons[i]) != 0) {
            Py_CLEAR(found);
        }
    }
    return found;
}
