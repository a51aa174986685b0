/* Proofs that an object would be shown as it was shown before, without showing it.
 *
 * What is shown of an object depends on some words of memory: pointers to values, digits of ints,
 * characters, versions of dictionaries and types. A proof is a list of these words. While each is
 * what it was, so is the showing:
 *
 *    Vector(x=1.5, y=other)     type | place of x | its type | its bits | place of y | its type
 *                               '-> each word is read only after those before it have agreed, so
 *                                   it is memory of an object that lives
 *
 * An address alone proves nothing, because an object may die and another one get its address. So
 * the words of a value are its content. Only what cannot have changed is left out: objects that
 * live for ever, and immutable values inside a dictionary that has still its version. A word too
 * many is harmless: at worst the object is shown once more.
 *
 * Threads: under the GIL. */
#ifndef PROOF_H
#define PROOF_H

#include "compat.h"
#include "parts.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct value_limits;
struct lane;

struct proof_word {
    const void *at;
    uint64_t word;
};

/* Many bytes that follow each other, such as those of a text: { &proof_run, PROOF_RUN }, then
 * { where, how many }, then the bytes. The first of these words never holds, so a walk over words
 * looks for runs only where one has changed. */
#define PROOF_RUN UINT64_C(1)
extern const uint64_t proof_run;

/* Returns how many words the bytes of a run take. */
static inline size_t proof_run_words(size_t bytes)
{
    return (bytes + sizeof(struct proof_word) - 1) / sizeof(struct proof_word);
}

/* A list of words that is being collected. */
struct proof_room {
    struct proof_word *words;
    size_t most;
};

/* Collects the words that decide how an object is shown as an argument or a result itself, within
 * these limits. Returns how many they are; 0 where they are more than the room, or something in the
 * object cannot be proven. Notes where the words of each field begin that is shown. */
size_t proof_collect(PyObject *object, const struct value_limits *limits, struct lane *lane,
                     struct proof_room room, struct parts *parts);
/* Collects the same of one field of such an object, which is at this place. */
size_t proof_collect_field(PyObject *const *place, const struct value_limits *limits,
                           struct lane *lane, struct proof_room room);

/* Returns whether a word is what it was. */
static inline int proof_word_holds(const struct proof_word *word)
{
    uint64_t now;
    memcpy(&now, word->at, sizeof now);
    return __builtin_expect(now == word->word, 1) != 0;
}

/* Returns how many words are what they were, up to the first that is not. The object lives. */
static inline size_t proof_held(const struct proof_word *words, size_t count)
{
    const struct proof_word *word = words, *end = words + count;
    for (;;) {
        while (end - word >= 4 && proof_word_holds(word) && proof_word_holds(word + 1) &&
               proof_word_holds(word + 2) && proof_word_holds(word + 3)) {
            word += 4;
        }
        while (word != end && proof_word_holds(word)) {
            word++;
        }
        if (word == end || word->at != &proof_run ||
            memcmp(word[1].at, word + 2, word[1].word) != 0) {
            return (size_t)(word - words);
        }
        word += 2 + proof_run_words(word[1].word);
    }
}

/* Returns whether all words are what they were. */
static inline int proof_holds(const struct proof_word *words, size_t count)
{
    return proof_held(words, count) == count;
}

/* Writes the proof of a field that has an exact float, but for the word of its place. */
#define PROOF_OF_FLOAT 3
static inline void proof_put_float(struct proof_word words[PROOF_OF_FLOAT], PyObject *value,
                                   uint64_t bits)
{
    words[0].word = (uint64_t)(uintptr_t)value;
    words[1] = (struct proof_word){&value->ob_type, (uint64_t)(uintptr_t)Py_TYPE(value)};
    words[2] = (struct proof_word){&((PyFloatObject *)value)->ob_fval, bits};
}

/* How many words a class with a version has, and a field with an instance that is not opened. */
#define PROOF_OF_TYPE      (VERSION_IS_ENOUGH ? 2 : 3)
#define PROOF_OF_REFERENCE (2 + PROOF_OF_TYPE)

/* Returns whether these are the words of a class that lives, and it has not changed. */
static inline int proof_is_of_type(const struct proof_word words[PROOF_OF_TYPE], PyTypeObject *type)
{
    return words[0].at == &type->tp_version_tag &&
           words[1].at == &((PyHeapTypeObject *)type)->ht_qualname &&
           (VERSION_IS_ENOUGH || words[2].at == &type->tp_flags) &&
           proof_holds(words, PROOF_OF_TYPE);
}

#endif
