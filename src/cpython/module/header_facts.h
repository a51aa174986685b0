/* What the header of a recording contains about its process: interpreter, machine, command line
 * without secrets, settings and filters. */
#ifndef HEADER_FACTS_H
#define HEADER_FACTS_H

#include "backend.h"

struct bytes_out;

struct header_facts {
    const struct backend *backend;
    const char *reason; /* for which it was chosen */
    size_t reason_len;
    PyObject *level, *highest, *budget; /* borrowed */
    PyObject *filters;                  /* borrowed: a str, JSON */
    PyObject *folders;                  /* borrowed: of libraries */
    int output; /* 1 = what is written to the streams is recorded, 2 = to the descriptors, too */
};
/* Puts all into META's form; -1 with an exception. */
int header_facts_put(struct bytes_out *meta, const struct header_facts *facts);

#endif
