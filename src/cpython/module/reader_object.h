/* The type _core.Reader, for the files that hold its methods. */
#ifndef READER_OBJECT_H
#define READER_OBJECT_H

#include "compat.h"

#include "calls.h"
#include "exception_details.h"
#include "instant.h"
#include "select.h"
#include "skim.h"

struct cut_result;

struct reader_object {
    PyObject_HEAD struct reader *reader; /* owned; NULL = closed */
    struct skim skim;                    /* of the dump that is under way; no cursor = none is */
    struct select select;                /* what of it is wanted */
    int has_select;
    struct skim state_skim;    /* of the frame_states() that is under way; no instant = none is */
    struct select states;      /* what of it is wanted */
    struct calls_answer calls; /* that calls() has found */
    size_t calls_given;
    struct found_places *found;           /* owned; of the find() that is under way */
    struct outputs *outputs;              /* owned; of the outputs() that is under way */
    struct reader_exceptions *exceptions; /* owned; that exceptions() has found */
    struct index_builder *builder;        /* owned; of the index that is being made */
    int busy;
};

/* Returns whether an object is a Reader. */
int reader_is(PyObject *object);
/* The open reader, busy from now on; NULL with an exception. */
struct reader *reader_enter(struct reader_object *self);
/* A sequence of numbers as a set, each + 1; None is not wanted. 0, or -1 with an exception. */
int reader_take_set(PyObject *numbers, struct u64map *set, int *is_set);

/* Methods in reader_calls.c. */
PyObject *reader_calls(struct reader_object *self, PyObject *args, PyObject *names);
PyObject *reader_calls_piece(struct reader_object *self, PyObject *ignored);
PyObject *reader_progress(struct reader_object *self, PyObject *ignored);

/* Methods in reader_index.c. */
struct siphash_key;
/* The key of landmarks, 16 bytes; None is none. 0, or -1 with an exception. */
int reader_take_key(PyObject *bytes, struct siphash_key *key, int *has_key);
void reader_index_free(struct reader_object *self);
PyObject *reader_index_use(struct reader_object *self, PyObject *fd);
PyObject *reader_index_wanted(struct reader_object *self, PyObject *least);
PyObject *reader_index_begin(struct reader_object *self, PyObject *args);
PyObject *reader_index_step(struct reader_object *self, PyObject *events);
PyObject *reader_index_end(struct reader_object *self, PyObject *ignored);

/* Methods in reader_codes.c. */
PyObject *reader_codes(struct reader_object *self, PyObject *ignored);
PyObject *reader_functions_at(struct reader_object *self, PyObject *text);

/* Methods in reader_sources.c. */
PyObject *reader_source(struct reader_object *self, PyObject *args);
PyObject *reader_sources(struct reader_object *self, PyObject *ignored);
PyObject *reader_source_lines(struct reader_object *self, PyObject *args);

/* Methods in reader_exceptions.c. */
void reader_exceptions_free(struct reader_exceptions *exceptions);
PyObject *reader_exceptions(struct reader_object *self, PyObject *args);
PyObject *reader_exceptions_judge(struct reader_object *self, PyObject *judgements);
PyObject *reader_exception_more(struct reader_object *self, PyObject *number);
PyObject *reader_exception_newest(struct reader_object *self, PyObject *ignored);
PyObject *reader_exception_of_outcome(struct reader_object *self, PyObject *number);
PyObject *reader_exception_place(struct reader_object *self, PyObject *number);
PyObject *reader_exception_details(struct reader_object *self, PyObject *args);
PyObject *reader_exception_details_piece(struct reader_object *self, PyObject *ignored);
PyObject *reader_exceptions_find(struct reader_object *self, PyObject *args);
PyObject *reader_exceptions_caught(struct reader_object *self, PyObject *args);
PyObject *reader_exception_rows(struct reader_object *self, PyObject *args);
PyObject *reader_exception_number(struct reader_object *self, PyObject *args);

/* Methods in reader_summary.c. */
PyObject *reader_totals(struct reader_object *self, PyObject *args);
PyObject *reader_tree(struct reader_object *self, PyObject *args);
PyObject *reader_functions(struct reader_object *self, PyObject *ignored);
PyObject *reader_neighbours(struct reader_object *self, PyObject *args);
PyObject *reader_sessions(struct reader_object *self, PyObject *numbers);

/* A method in reader_lives.c. */
PyObject *reader_lives(struct reader_object *self, PyObject *ignored);

/* Methods in reader_diff.c. */
PyObject *reader_diff(struct reader_object *self, PyObject *args);
PyObject *reader_event(struct reader_object *self, PyObject *args);

/* A method in reader_paths.c. */
PyObject *reader_paths(struct reader_object *self, PyObject *args);

/* Methods in reader_cut.c. */
PyObject *reader_cut(struct reader_object *self, PyObject *args);
PyObject *reader_keep(struct reader_object *self, PyObject *args);
/* Returns the numbers of a cut as a tuple, in their order: new. */
PyObject *reader_cut_result(const struct cut_result *result);
/* A list of pairs of texts as entries of META. 0, or -1 with an exception. */
int reader_take_meta(PyObject *pairs, struct bytes_out *meta);

/* Methods in reader_pack.c. */
PyObject *reader_pack_collect(struct reader_object *self, PyObject *args);
PyObject *reader_pack(struct reader_object *self, PyObject *args);

/* Methods in reader_counts.c. */
PyObject *reader_call_numbers(struct reader_object *self, PyObject *args);
PyObject *reader_frame_begins(struct reader_object *self, PyObject *frames);
PyObject *reader_runs_before(struct reader_object *self, PyObject *args);
PyObject *reader_line_counts(struct reader_object *self, PyObject *numbers);

/* Methods in reader_outputs.c. */
PyObject *reader_outputs(struct reader_object *self, PyObject *ignored);
PyObject *reader_outputs_piece(struct reader_object *self, PyObject *ignored);
/* Ends outputs(). */
void reader_outputs_end(struct reader_object *self);

/* Put a value into a dictionary; the value is owned. 0, or -1 with an exception. */
int reader_put_owned(PyObject *dict, const char *key, PyObject *value);
int reader_put_u64(PyObject *dict, const char *key, uint64_t value);
/* A method in open_stacks.c. */
PyObject *reader_stacks_at(struct reader_object *self, PyObject *positions);

/* Methods in reader_state.c, and a function of the module. */
PyObject *reader_find_event(struct reader_object *self, PyObject *args);
PyObject *reader_state(struct reader_object *self, PyObject *args);
PyObject *reader_frame_states(struct reader_object *self, PyObject *args);
PyObject *reader_frame_states_piece(struct reader_object *self, PyObject *ignored);
/* Ends frame_states(). */
void reader_states_end(struct reader_object *self);
PyObject *reader_parse_position(PyObject *module, PyObject *text);
/* Return new lists of what an instant holds, of one thread or of all (0). A frame is (frame,
 * caller, thread, task, code, line, state, variables), a thread (thread, seq, t), a task (task,
 * name). */
PyObject *reader_list_variables(struct instant *instant, struct reader *reader,
                                const struct instant_frame *frame, const struct text *only);
PyObject *reader_list_frames(struct instant *instant, struct reader *reader, unsigned thread,
                             int with_variables);
PyObject *reader_list_threads(const struct instant *instant);
PyObject *reader_list_tasks(const struct instant *instant, const struct reader *reader);

/* Methods in reader_find.c. */
PyObject *reader_find(struct reader_object *self, PyObject *args);
PyObject *reader_find_piece(struct reader_object *self, PyObject *args);
/* Ends find(). */
void reader_find_end(struct reader_object *self);

/* Methods in reader_origin.c. */
PyObject *reader_origin_event(struct reader_object *self, PyObject *args);
PyObject *reader_origin_bound(struct reader_object *self, PyObject *args);
PyObject *reader_origin_caller(struct reader_object *self, PyObject *args);
PyObject *reader_origin_nearest(struct reader_object *self, PyObject *args);
PyObject *reader_origin_end(struct reader_object *self, PyObject *args);
PyObject *reader_origin_calls(struct reader_object *self, PyObject *args);
PyObject *reader_origin_changed(struct reader_object *self, PyObject *args);
PyObject *reader_origin_value(struct reader_object *self, PyObject *args);

/* Objects that several of these files make. */
PyObject *reader_event_json(struct reader *reader, const struct event_out *event);
/* A frame of a stack and those that called it, outermost first. */
PyObject *reader_stack_list(const struct open_activation *stack, size_t depth, uint64_t frame);
PyObject *reader_safe_text(struct text text);
/* Raises _core.Error for a call that does not fit the reader's state; always NULL. */
PyObject *reader_raise_busy(const char *text);

#endif
