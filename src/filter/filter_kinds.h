/* What a selector can select, and the borrowed text that filters work on. */
#ifndef FILTER_KINDS_H
#define FILTER_KINDS_H

#include <stddef.h>

/* X(name, word in a selector, what it selects). The first three select code; THREAD and TASK select
 * a moment and are evaluated on every call; the others select values. KEY and all after it need
 * version 2 of the file. */
#define FILTER_KIND_TABLE(X)                                                                       \
    X(PKG, "pkg", "code of a package or module")                                                   \
    X(FILE, "file", "code of a file")                                                              \
    X(OBJ, "obj", "a function or class, as module.qualname")                                       \
    X(LOCAL, "local", "a local variable")                                                          \
    X(GLOBAL, "global", "a global variable")                                                       \
    X(ARG, "arg", "a parameter")                                                                   \
    X(RET, "ret", "the result of a function, as module.qualname")                                  \
    X(ATTR, "attr", "an attribute of an instance")                                                 \
    X(KEY, "key", "the key of a dict")                                                             \
    X(VALUE, "value", "captured text")                                                             \
    X(THREAD, "thread", "the name of a thread")                                                    \
    X(TASK, "task", "the name of a task")

enum filter_kind {
#define FILTER_KIND_ENUM(name, word, meaning) FILTER_##name,
    FILTER_KIND_TABLE(FILTER_KIND_ENUM)
#undef FILTER_KIND_ENUM
        FILTER_KINDS
};

/* Returns the word with which selectors of this kind begin. */
static inline const char *filter_kind_name(enum filter_kind kind)
{
    static const char *const words[FILTER_KINDS] = {
#define FILTER_KIND_WORD(name, word, meaning) word,
        FILTER_KIND_TABLE(FILTER_KIND_WORD)
#undef FILTER_KIND_WORD
    };
    return words[kind];
}

/* Borrowed UTF-8, without a final NUL. */
struct filter_text {
    const char *data;
    size_t len;
};

#endif
