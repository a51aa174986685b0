/* Why: a program may raise an exception in each stretch of its recording, and `relive exc` must not
 * read all of them for that.
 *
 *                  the next stretch has no list, or there is none
 *       LIST  --------------------------------------------------->  READING
 *         ^                                                            |
 *         '------------------------------------------------------------'
 *                  the next stretch has a list
 */
#include "listed.h"

#include "instant_parts.h"

void listed_open(struct reader *reader, const struct index_wanted *wanted, struct listed *listed)
{
    *listed = (struct listed){.reader = reader, .wanted = wanted};
}

void listed_close(struct listed *listed)
{
    if (listed->is_reading) {
        skim_close(&listed->skim);
    }
    bytes_out_fini(&listed->list);
    *listed = (struct listed){0};
}

/* Returns whether a stretch has a list. */
static int has_list(const struct listed *listed, size_t stretch)
{
    const struct index *index = listed->reader->index;
    return index != NULL && stretch < index->count && index->stretches[stretch].list != 0;
}

/* Reads the list of the next stretch. RL_DAMAGED where it has an event that is none: then all of
 * them are read. */
static rl_status take_list(struct listed *listed)
{
    struct event_out event;
    rl_status status = index_list(listed->reader->index, listed->stretch, &listed->list);
    struct bytes_in in = bytes_in_of(listed->list.data, listed->list.len);
    while (status == RL_OK && bytes_left(&in) != 0) {
        status = instant_take_event(listed->reader, &in, &event);
    }
    listed->left = bytes_in_of(listed->list.data, status == RL_OK ? listed->list.len : 0);
    return status;
}

/* Begins to read at the next stretch. */
static rl_status begin_reading(struct listed *listed)
{
    const struct index *index = listed->reader->index;
    struct event_out event;
    uint64_t before = index == NULL                    ? 0
                      : listed->stretch < index->count ? index->stretches[listed->stretch].before
                                                       : index->covered;
    rl_status status = skim_open(listed->reader, 0, listed->stretch, NULL, &listed->skim);
    listed->is_reading = status == RL_OK;
    while (status == RL_OK && listed->skim.given < before) { /* the state was of no use */
        status = skim_next(&listed->skim, NULL, &event);
    }
    return status;
}

/* Moves to the next stretch that may have such events. */
static rl_status go_on(struct listed *listed)
{
    const struct index *index = listed->reader->index;
    while (index != NULL && listed->stretch < index->count &&
           !index_may_have(&index->stretches[listed->stretch], listed->wanted)) {
        listed->stretch++;
    }
    rl_status status = has_list(listed, listed->stretch) ? take_list(listed) : RL_DAMAGED;
    if (status == RL_DAMAGED) {
        return begin_reading(listed);
    }
    listed->stretch++;
    return status;
}

/* Ends a reading before a stretch with a list. */
static void end_reading(struct listed *listed)
{
    const struct index *index = listed->reader->index;
    size_t stretch = listed->stretch;
    while (stretch < index->count && index->stretches[stretch].before < listed->skim.given) {
        stretch++;
    }
    if (stretch > listed->stretch && has_list(listed, stretch)) {
        skim_close(&listed->skim);
        listed->is_reading = 0;
        listed->stretch = stretch;
    }
}

rl_status listed_next(struct listed *listed, struct event_out *event, const struct cursor **cursor)
{
    rl_status status = RL_OK;
    if (listed->is_reading && listed->skim.given == listed->skim.boundary) {
        end_reading(listed);
    }
    while (status == RL_OK && !listed->is_reading && bytes_left(&listed->left) == 0) {
        status = go_on(listed);
    }
    if (status != RL_OK) {
        return status;
    }
    *cursor = NULL;
    if (!listed->is_reading) {
        return instant_take_event(listed->reader, &listed->left, event);
    }
    status = skim_next(&listed->skim, listed->wanted, event);
    *cursor = listed->skim.cursor;
    return status;
}
