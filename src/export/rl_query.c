/* Why: gives programs in C the answers that all verbs use, through the public header alone.
 *
 *    rl_query_go()         position_parse() -> function_names_one() -> position_find() -> a pass of
 * instant up to that event -> frames rl_query_variable()   instant_variables() of one frame, kept
 * until another frame is wanted rl_query_calls()      function_names_one(), where_new() -> calls_of
 * -> rl_query_next_call()
 *
 * Invariants: `instant` is at the event of the last rl_query_go() that succeeded, or NULL. What is
 * lent belongs to the query.
 *
 * Threads: one at a time per query. */
#include <relive/rl_query.h>

#include <string.h>

#include "alloc.h"
#include "calls_of.h"
#include "instant.h"
#include "function_names.h"
#include "position.h"
#include "reader_open.h"
#include "status.h"
#include "value_json.h"
#include "value_text.h"

#define PIECE_EVENTS 65536

struct rl_query {
    struct reader *file;     /* owned */
    struct instant *instant; /* owned */
    struct instant_frames frames;
    struct variables variables; /* of frame `variables_of` - 1 */
    size_t variables_of;        /* 0 = none */
    struct bytes_out text;
    struct json_out json;
    struct calls_of *calls; /* owned */
    struct where *where;    /* owned */
    struct u64map codes;    /* of `calls` */
};

/* Returns a text in the type of the public header. */
static struct rl_text lend_text(struct text text)
{
    return (struct rl_text){text.data, text.len};
}

rl_status rl_query_open(const char *path, rl_query **out, struct rl_err *err)
{
    rl_query *query = rl_zalloc(1, sizeof *query);
    if (query == NULL) {
        return status_set(err, RL_NOMEM, "no memory to read %s", path);
    }
    rl_status status = reader_open(path, &query->file, err);
    if (status != RL_OK) {
        rl_query_close(query);
        return status;
    }
    *out = query;
    return RL_OK;
}

/* Frees the variables of the frame that was read last. */
static void forget_variables(rl_query *query)
{
    if (query->variables_of != 0) {
        variables_fini(&query->variables);
        query->variables_of = 0;
    }
}

/* Gives up the position, and what was read there. */
static void forget_place(rl_query *query)
{
    forget_variables(query);
    instant_frames_fini(&query->frames);
    instant_close(query->instant);
    query->frames = (struct instant_frames){0};
    query->instant = NULL;
}

/* Ends a list of calls. */
static void forget_calls(rl_query *query)
{
    calls_of_close(query->calls);
    where_free(query->where);
    u64map_fini(&query->codes);
    query->calls = NULL;
    query->where = NULL;
    query->codes = (struct u64map){0};
}

void rl_query_close(rl_query *query)
{
    if (query != NULL) {
        forget_place(query);
        forget_calls(query);
        reader_close(query->file);
        bytes_out_fini(&query->text);
        json_fini(&query->json);
        rl_free(query);
    }
}

/* ---- positions ---- */

/* Puts ids + 1 into a set. */
static rl_status put_codes(const struct functions_found *found, struct u64map *codes)
{
    for (size_t i = 0; i < found->count; i++) {
        if (u64map_put(codes, (uint64_t)found->codes[i] + 1, 1) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Says where FILE:LINE is in several files. */
static rl_status refuse_several(const rl_query *query, struct text name,
                                const struct functions_found *found, struct rl_err *err)
{
    struct text first = reader_code(query->file, found->codes[0]).file;
    for (size_t i = 1; i < found->count; i++) {
        struct text other = reader_code(query->file, found->codes[i]).file;
        if (other.len != first.len || memcmp(other.data, first.data, first.len) != 0) {
            return status_set(err, RL_USAGE, "%.*s is in several files, such as %.*s and %.*s",
                              (int)name.len, name.data, (int)first.len, first.data, (int)other.len,
                              other.data);
        }
    }
    return RL_OK;
}

/* Gives the codes that a position of a call or of a line is about. */
static rl_status find_codes(const rl_query *query, const struct position *position,
                            const char *text, struct u64map *codes, struct rl_err *err)
{
    struct functions_found found;
    /* FILE:LINE is written in front of the "#". */
    const char *hash = strrchr(text, '#');
    size_t len = position->kind == POSITION_LINE && hash != NULL ? (size_t)(hash - position->name)
                                                                 : position->name_len;
    struct text name = {position->name, len};
    rl_status status = position->kind == POSITION_LINE
                           ? function_names_all(query->file, name, &found)
                           : function_names_one(query->file, name, &found, err);
    if (status != RL_OK) {
        return status;
    }
    if (found.count == 0) {
        status = status_set(err, RL_NOT_FOUND, "nothing of %.*s was recorded", (int)len, name.data);
    } else if (position->kind == POSITION_LINE) {
        status = refuse_several(query, name, &found, err);
    }
    if (status == RL_OK) {
        status = put_codes(&found, codes);
    }
    functions_found_fini(&found);
    return status;
}

/* Finds the event that a position names. */
static rl_status find_event(const rl_query *query, const char *text, struct position_found *found,
                            struct rl_err *err)
{
    struct position position;
    struct u64map codes = {0};
    rl_status status = position_parse(text, strlen(text), &position, err);
    if (status != RL_OK) {
        return status;
    }
    if (position.kind == POSITION_EXCEPTION) {
        return status_set(err, RL_UNSUPPORTED, "%s: only `relive exc` numbers exceptions", text);
    }
    if (position.process != 0 && position.process != query->file->header.pid) {
        return status_set(err, RL_NOT_FOUND, "%s: this recording is of process %llu", text,
                          (unsigned long long)query->file->header.pid);
    }
    if (position.kind == POSITION_CALL || position.kind == POSITION_LINE) {
        status = find_codes(query, &position, text, &codes, err);
    }
    if (status == RL_OK) {
        status = position_find(query->file, &position, &codes, found);
    }
    u64map_fini(&codes);
    if (status == RL_OK && !found->is_found) {
        status = status_set(err, RL_NOT_FOUND, "%s: the recording has no such event", text);
    }
    return status;
}

/* Reads from the begin up to an event. */
static rl_status read_to(rl_query *query, const struct event_out *wanted, struct event_out *event)
{
    rl_status status = instant_open(query->file, &query->instant);
    while (status == RL_OK) {
        status = instant_next(query->instant, event);
        if (status == RL_OK && event->thread == wanted->thread && event->seq == wanted->seq) {
            return instant_frames(query->instant, &query->frames);
        }
    }
    return status == RL_END ? RL_DAMAGED : status;
}

/* Finds the event in one pass, and reads up to it in another. */
rl_status rl_query_go(rl_query *query, const char *position, struct rl_event *event,
                      struct rl_err *err)
{
    struct position_found found;
    struct event_out e;
    forget_place(query);
    rl_status status = find_event(query, position, &found, err);
    if (status != RL_OK) {
        return status;
    }
    status = read_to(query, &found.event, &e);
    if (status != RL_OK) {
        forget_place(query);
        return status_set(err, status, "%s: it cannot be read", position);
    }
    struct code_text code = reader_code(query->file, e.id);
    *event = (struct rl_event){
        .kind = e.kind,
        .thread = e.thread,
        .seq = e.seq,
        .t = e.t,
        .frame = e.frame,
        .parent = e.parent,
        .module = lend_text(code.module),
        .qualname = lend_text(code.qualname),
        .file = lend_text(code.file),
        .line = kind_has_line(e.kind) ? e.line : code.line,
    };
    return RL_OK;
}

/* ---- frames and variables ---- */

/* Gives a frame with its names: what the room below gives has ids. */
rl_status rl_query_frame(rl_query *query, size_t index, struct rl_frame *frame)
{
    if (query->instant == NULL) {
        return RL_USAGE;
    }
    if (index >= query->frames.count) {
        return RL_END;
    }
    const struct instant_frame *f = &query->frames.items[index];
    struct code_text code = reader_code(query->file, f->code);
    *frame = (struct rl_frame){.frame = f->frame,
                               .caller = f->caller,
                               .thread = f->thread,
                               .task = f->task,
                               .module = lend_text(code.module),
                               .qualname = lend_text(code.qualname),
                               .file = lend_text(code.file),
                               .line = f->line,
                               .state = (enum rl_frame_state)f->state};
    return RL_OK;
}

/* Reads the variables of a frame, unless they were read last. */
static rl_status read_variables(rl_query *query, size_t frame)
{
    if (query->instant == NULL) {
        return RL_USAGE;
    }
    if (frame >= query->frames.count) {
        return RL_END;
    }
    if (query->variables_of == frame + 1) {
        return RL_OK;
    }
    forget_variables(query);
    rl_status status =
        instant_variables(query->instant, &query->frames.items[frame], &query->variables);
    if (status == RL_OK) {
        query->variables_of = frame + 1;
    }
    return status;
}

/* Writes a value in both forms. */
static rl_status write_value(rl_query *query, const struct variable *v)
{
    struct bytes_in as_text = bytes_in_of(v->bytes, v->len), as_json = as_text;
    bytes_out_reset(&query->text);
    bytes_out_reset(&query->json.out);
    query->json.needs_comma = 0;
    if (v->bytes == NULL) {
        return RL_OK;
    }
    rl_status status = value_text(&query->text, &query->file->strings, &as_text);
    if (status == RL_OK) {
        status = value_json(&query->json, query->file, &as_json);
    }
    return status == RL_OK && (query->text.failed || query->json.out.failed) ? RL_NOMEM : status;
}

/* Gives a variable with its value in both forms. A value that is damaged is an error of its own:
 * the next variable can still be read. */
rl_status rl_query_variable(rl_query *query, size_t frame, size_t index,
                            struct rl_variable *variable)
{
    rl_status status = read_variables(query, frame);
    if (status != RL_OK) {
        return status;
    }
    if (index >= query->variables.count) {
        return RL_END;
    }
    const struct variable *v = &query->variables.items[index];
    if ((status = write_value(query, v)) != RL_OK) {
        return status;
    }
    const struct bytes_out *text = &query->text, *json = &query->json.out;
    *variable = (struct rl_variable){.name = lend_text(reader_string(query->file, v->name)),
                                     .state = (enum rl_variable_state)v->state,
                                     .is_parameter = v->is_parameter,
                                     .text = {(const char *)text->data, text->len},
                                     .json = {(const char *)json->data, json->len},
                                     .thread = v->thread,
                                     .seq = v->seq};
    return RL_OK;
}

/* ---- calls ---- */

/* Compiles the expression, and refuses names that mean nothing for the functions. */
static rl_status compile(rl_query *query, const char *function, const char *where,
                         struct rl_err *err)
{
    struct where_error error;
    rl_status status = where_new(where, strlen(where), &query->where, &error);
    if (status != RL_OK) {
        return status_set(err, status, "%s: byte %zu: %s", where, error.place + 1, error.text);
    }
    const struct where_name *name = calls_of_unknown_name(query->file, &query->codes, query->where);
    if (name != NULL) {
        int is_letter = !where_may_be_own(name);
        return status_set(err, RL_USAGE, "%s: byte %zu: %s has no parameter %.*s%s", where,
                          name->place + 1, function, (int)name->text.len, name->text.data,
                          is_letter ? " (what a call itself has is call.NAME)" : "");
    }
    return RL_OK;
}

/* The calls that were listed before are given up, whether this succeeds or not. */
rl_status rl_query_calls(rl_query *query, const char *function, const char *where,
                         struct rl_err *err)
{
    struct functions_found found;
    forget_calls(query);
    rl_status status =
        function_names_one(query->file, (struct text){function, strlen(function)}, &found, err);
    if (status != RL_OK) {
        return status;
    }
    status = put_codes(&found, &query->codes);
    functions_found_fini(&found);
    if (status == RL_OK && where != NULL) {
        status = compile(query, function, where, err);
    }
    struct calls_of_question question = {.codes = &query->codes, .where = query->where};
    if (status == RL_OK) {
        status = calls_of_open(query->file, &question, &query->calls);
    }
    if (status == RL_NOMEM) {
        (void)status_set(err, status, "no memory to list calls of %s", function);
    }
    if (status != RL_OK) {
        forget_calls(query);
    }
    return status;
}

/* Returns a call in the type of the public header. */
static struct rl_call make_call(const rl_query *query, const struct call_found *found)
{
    struct rl_call call = {.number = found->number,
                           .thread = found->start.out.thread,
                           .seq = found->start.out.seq,
                           .t = found->start.out.t,
                           .has_end = found->has_end,
                           .self = found->self,
                           .caller_line = found->caller_line};
    if (found->has_end) {
        call.end_seq = found->end.out.seq;
        call.total = found->end.out.t - found->start.out.t;
    }
    if (found->caller != 0) {
        call.caller = lend_text(reader_code(query->file, found->caller).qualname);
    }
    return call;
}

rl_status rl_query_next_call(rl_query *query, struct rl_call *call)
{
    if (query->calls == NULL) {
        return RL_USAGE;
    }
    for (;;) { /* a piece without a call is no end */
        uint64_t events = PIECE_EVENTS;
        struct call_found *found = NULL;
        rl_status status = calls_of_next(query->calls, &events, &found);
        if (status != RL_OK) {
            return status;
        }
        if (found != NULL) {
            *call = make_call(query, found);
            call_found_free(found);
            return RL_OK;
        }
    }
}

uint64_t rl_query_unknown_calls(const rl_query *query)
{
    return query->calls != NULL ? calls_of_counts(query->calls)->unknown : 0;
}
