/* Why: a list of millions of exceptions becomes a few rows. The number of an exception is computed
 * from counts, without a list of all exceptions.
 *
 *    rank 0   recording A: 0 3 4     B: 1 2        numbers 1.. in the order of their starts
 *    rank 1   recording A: 1         B: 0 3 */
#include "exception_list.h"

#include <string.h>

/* Returns the first exception that began at or after `t`; with `is_past`, after `t`. */
static uint64_t first_begun_after(const struct exceptions *of, uint64_t t, int is_past)
{
    uint64_t low = 0, high = of->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int is_before = of->starts[middle] < t || (is_past && of->starts[middle] == t);
        *(is_before ? &low : &high) = is_before ? middle + 1 : middle;
    }
    return low;
}

uint64_t exception_list_number(const struct exception_list *list,
                               const struct exception_place *place)
{
    const struct exceptions *own = list->of[place->recording];
    const struct judgement *judged = exceptions_judgement(own, place->exception);
    if (!judged->is_listed) {
        return 0;
    }
    uint64_t number = 1;
    for (size_t i = 0; i < list->count; i++) {
        const struct exceptions *of = list->of[i];
        uint64_t until =
            i == place->recording
                ? place->exception
                : first_begun_after(of, own->starts[place->exception], i < place->recording);
        for (unsigned rank = 0; rank < judged->rank; rank++) {
            number += of->listed[rank];
        }
        number += exceptions_listed_before(of, judged->rank, until);
    }
    return number;
}

/* ---- rows ---- */

/* Returns the name of the task that an exception ended; empty where it has none. */
static struct text task_name(const struct exception_list *list, const struct exception_place *at,
                             const struct exception_more *more)
{
    struct text name = {NULL, 0};
    return more->task_name != 0 ? reader_string(list->readers[at->recording], more->task_name)
                                : name;
}

static int is_same_task(const struct exception_list *list, const struct exception_place *a,
                        const struct exception_more *of_a, const struct exception_place *b,
                        const struct exception_more *of_b)
{
    struct text x = task_name(list, a, of_a), y = task_name(list, b, of_b);
    if (x.len == 0 && y.len == 0) {
        return of_a->task == of_b->task;
    }
    return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static uint32_t exception_type_of(const struct exceptions *of, uint64_t exception)
{
    return of->outcomes[of->outcome_of[exception]].type;
}

/* Returns whether two exceptions were replaced by the same one, or by ones that read the same. */
static int has_same_replacer(const struct exception_list *list, const struct exception_place *a,
                             const struct exception_more *of_a, const struct exception_place *b,
                             const struct exception_more *of_b)
{
    if (of_a->replacer == 0 || of_b->replacer == 0) {
        return of_a->replacer == of_b->replacer;
    }
    struct exception_place x = {a->recording, of_a->replacer - 1},
                           y = {b->recording, of_b->replacer - 1};
    uint64_t number = exception_list_number(list, &x);
    return number == exception_list_number(list, &y) &&
           (number != 0 ||
            (x.recording == y.recording &&
             stories_same_text(list->readers[x.recording],
                               exception_type_of(list->of[x.recording], x.exception),
                               exception_type_of(list->of[y.recording], y.exception))));
}

/* Returns whether two rows of the list would have the same text. */
static int reads_the_same(const struct exception_list *list, const struct exception_place *a,
                          const struct exception_place *b)
{
    const struct exceptions *x = list->of[a->recording], *y = list->of[b->recording];
    const struct judgement *judged = exceptions_judgement(x, a->exception);
    if (judged->likeness != exceptions_judgement(y, b->exception)->likeness) {
        return 0;
    }
    if (!judged->names_task && !judged->names_replacer) {
        return 1;
    }
    const struct exception_more *of_a = exceptions_more(x, a->exception),
                                *of_b = exceptions_more(y, b->exception);
    if (of_a == NULL || of_b == NULL) {
        return of_a == of_b;
    }
    return (!judged->names_task || is_same_task(list, a, of_a, b, of_b)) &&
           (!judged->names_replacer || has_same_replacer(list, a, of_a, b, of_b));
}

struct walk {
    const struct exception_list *list;
    uint64_t *next; /* owned; the next number in each recording */
};

/* Finds the next exception of a rank, over all recordings. Returns 0 where there is none. */
static int next_of_rank(struct walk *walk, unsigned rank, struct exception_place *place)
{
    const struct exception_list *list = walk->list;
    int found = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct exceptions *of = list->of[i];
        uint64_t at = walk->next[i];
        while (at < of->count) {
            const struct judgement *judged = exceptions_judgement(of, at);
            if (judged->is_listed && judged->rank == rank) {
                break;
            }
            at++;
        }
        walk->next[i] = at;
        if (at < of->count &&
            (!found || of->starts[at] < list->of[place->recording]->starts[place->exception])) {
            *place = (struct exception_place){i, at};
            found = 1;
        }
    }
    if (found) {
        walk->next[place->recording]++;
    }
    return found;
}

static rl_status add_row(struct exception_rows *out, size_t *cap, size_t limit,
                         const struct exception_row *row)
{
    void *rows = out->rows;
    if (out->count == limit) {
        out->more++;
        return RL_OK;
    }
    if (rl_grow(&rows, cap, out->count + 1, sizeof *out->rows) != 0) {
        return RL_NOMEM;
    }
    out->rows = rows;
    out->rows[out->count++] = *row;
    return RL_OK;
}

rl_status exception_list_rows(const struct exception_list *list, size_t limit, uint64_t nth,
                              struct exception_rows *out)
{
    *out = (struct exception_rows){0};
    struct walk walk = {list, rl_alloc(list->count + 1, sizeof(uint64_t))};
    struct exception_row row = {.count = 0};
    struct exception_place place = {0, 0};
    size_t cap = 0;
    uint64_t number = 0;
    rl_status status = walk.next != NULL ? RL_OK : RL_NOMEM;
    for (unsigned rank = 0; rank < EXCEPTION_RANKS && status == RL_OK; rank++) {
        memset(walk.next, 0, list->count * sizeof *walk.next);
        while (status == RL_OK && next_of_rank(&walk, rank, &place)) {
            if (++number == nth) {
                out->nth = place;
            }
            if (row.count != 0 && reads_the_same(list, &row.first, &place)) {
                row.count++;
                continue;
            }
            status = row.count != 0 ? add_row(out, &cap, limit, &row) : RL_OK;
            row = (struct exception_row){place, number, 1};
        }
    }
    if (status == RL_OK && row.count != 0) {
        status = add_row(out, &cap, limit, &row);
    }
    rl_free(walk.next);
    if (status != RL_OK) {
        exception_rows_fini(out);
    }
    return status;
}

void exception_rows_fini(struct exception_rows *rows)
{
    rl_free(rows->rows);
    *rows = (struct exception_rows){0};
}
