/* Why: what a verb prints as a position, people and programs type again, and each verb must take
 * it for the same event.
 *
 *    "P12:price#118"   position_parse()   process 12, CALL, "price", 118
 *    codes of price    the caller's: it knows how to ask back where there are several
 *                      position_find()    one pass over the events, T1@48213
 *
 * Invariants: nothing in a text is trusted, and each text is one kind of position or an error. */
#include "position.h"

#include <stdio.h>
#include <string.h>

#include "skim.h"

#define EXAMPLES                                                                                   \
    "write T1@48213 (an event), price#118 (a call), shop.py:40#3 (a line), exc:last, 42%%, +3ms, " \
    "start or end"

struct words {
    const char *at, *end;
};

static int take_word(struct words *in, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0) {
        return 0;
    }
    in->at += len;
    return 1;
}

/* Takes digits. Returns 0 where there are none, or the number is too large. */
static int take_number(struct words *in, uint64_t *number)
{
    const char *begin = in->at;
    uint64_t n = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        if (n > (UINT64_MAX - 9) / 10) {
            return 0;
        }
        n = n * 10 + (uint64_t)(*in->at - '0');
    }
    *number = n;
    return in->at != begin;
}

/* Takes a number with up to six decimals, in millionths. More decimals are cut off. */
static int take_millionths(struct words *in, uint64_t *millionths)
{
    uint64_t whole, part = 0, unit = 1000000;
    if (!take_number(in, &whole) || whole > UINT64_MAX / 1000000 - 1) {
        return 0;
    }
    if (take_word(in, ".")) {
        for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
            unit /= 10;
            part += unit * (uint64_t)(*in->at - '0');
        }
    }
    *millionths = whole * 1000000 + part;
    return 1;
}

/* Takes a number, or "last" as 0; nothing may follow. */
static int take_nth(struct words *in, uint64_t *nth)
{
    if (take_word(in, "last")) {
        *nth = 0;
        return in->at == in->end;
    }
    return take_number(in, nth) && *nth != 0 && in->at == in->end;
}

/* Takes T1@48213. */
static int take_event(struct words *in, struct position *out)
{
    uint64_t thread;
    if (!take_word(in, "T") || !take_number(in, &thread) || thread == 0 || thread > UINT32_MAX ||
        !take_word(in, "@") || !take_number(in, &out->number) || in->at != in->end) {
        return 0;
    }
    out->kind = POSITION_EVENT;
    out->thread = (uint32_t)thread;
    return 1;
}

/* Takes +3ms. */
static int take_time(struct words *in, struct position *out)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    uint64_t millionths;
    if (!take_word(in, "+") || !take_millionths(in, &millionths)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (take_word(in, units[i].name) && in->at == in->end) {
            double ns = (double)millionths / 1e6 * (double)units[i].ns;
            out->kind = POSITION_TIME;
            out->number = ns < 9e18 ? (uint64_t)(ns + 0.5) : UINT64_MAX;
            return 1;
        }
    }
    return 0;
}

/* Takes 42%. */
static int take_share(struct words *in, struct position *out)
{
    if (!take_millionths(in, &out->number) || !take_word(in, "%") || in->at != in->end ||
        out->number > 100 * UINT64_C(1000000)) {
        return 0;
    }
    out->kind = POSITION_SHARE;
    out->number /= 100;
    return 1;
}

/* Takes NAME#N: a line of a file where the name ends in :N, otherwise a call. */
static int take_named(struct words *in, struct position *out)
{
    const char *hash = in->end, *colon;
    uint64_t line;
    while (hash > in->at && *hash != '#') {
        hash--;
    }
    struct words nth = {hash + 1, in->end};
    if (hash <= in->at || !take_nth(&nth, &out->number)) {
        return 0;
    }
    out->kind = POSITION_CALL;
    out->name = in->at;
    out->name_len = (size_t)(hash - in->at);
    for (colon = hash; colon > in->at && *colon != ':'; colon--) {
    }
    struct words number = {colon + 1, hash};
    if (colon > in->at && take_number(&number, &line) && number.at == hash && line <= UINT32_MAX) {
        out->kind = POSITION_LINE;
        out->line = (uint32_t)line;
        out->name_len = (size_t)(colon - in->at);
    }
    return 1;
}

static int take_any(struct words in, struct position *out)
{
    struct words whole = in;
    if (take_word(&in, "start") && in.at == in.end) {
        out->kind = POSITION_START;
        return 1;
    }
    in = whole;
    if (take_word(&in, "end") && in.at == in.end) {
        out->kind = POSITION_END;
        return 1;
    }
    in = whole;
    if (take_word(&in, "exc:")) {
        out->kind = POSITION_EXCEPTION;
        return take_nth(&in, &out->number);
    }
    in = whole;
    if (take_event(&in, out)) {
        return 1;
    }
    in = whole;
    if (take_time(&in, out)) {
        return 1;
    }
    in = whole;
    if (take_share(&in, out)) {
        return 1;
    }
    in = whole;
    return take_named(&in, out);
}

rl_status position_parse(const char *text, size_t len, struct position *out, struct rl_err *err)
{
    struct position position = {0};
    struct words in = {text, text + len}, whole = in;
    int most = len < 100 ? (int)len : 100;
    if (!take_word(&in, "P") || !take_number(&in, &position.process) || !take_word(&in, ":")) {
        position.process = 0;
        in = whole;
    }
    if (take_any(in, &position)) {
        *out = position;
        return RL_OK;
    }
    *err = (struct rl_err){RL_USAGE, 0, ""};
    if (in.at != in.end && memchr(text, '#', len) == NULL && memchr(text, '@', len) == NULL &&
        memchr("+0123456789", *in.at, 11) == NULL && !take_word(&in, "exc:")) {
        (void)snprintf(err->text, sizeof err->text,
                       "'%.*s' is no position: '%.*s#1' is the first time; or " EXAMPLES, most,
                       text, most, text);
    } else {
        (void)snprintf(err->text, sizeof err->text, "'%.*s' is no position: " EXAMPLES, most, text);
    }
    return RL_USAGE;
}

/* ---- finding ---- */

/* Where a pass begins: what is before that stretch is counted, and need not be read. */
struct beginning {
    size_t stretch;
    uint64_t counted;
};

/* Returns how many calls or runs of a line were before the first event of a part. */
static uint64_t count_before(const struct reader *reader, const struct position *position,
                             const struct u64map *codes)
{
    return position->kind == POSITION_CALL   ? before_calls(&reader->before, codes)
           : position->kind == POSITION_LINE ? before_runs(&reader->before, codes, position->line)
                                             : 0;
}

/* Returns the stretch that has the wanted call or run of a line. */
static struct beginning find_counted(const struct reader *reader, const struct position *position,
                                     const struct u64map *codes)
{
    const struct index *index = reader->index;
    uint64_t counted = count_before(reader, position, codes);
    struct beginning found = {0, counted};
    if (position->number != 0 && counted >= position->number) {
        return found; /* what was open then has events in the first stretch */
    }
    for (size_t i = 0; index != NULL && i < index->count; i++) {
        const struct index_stretch *stretch = &index->stretches[i];
        uint64_t times = position->kind == POSITION_CALL
                             ? index_begins(stretch, codes)
                             : index_runs(stretch, codes, position->line);
        if (times != 0) {
            found = (struct beginning){i, counted};
        }
        counted += times;
        if (position->number != 0 && counted >= position->number) {
            break;
        }
    }
    return found;
}

static struct beginning find_beginning(const struct reader *reader, const struct position *position,
                                       const struct u64map *codes, uint64_t events)
{
    struct beginning found = {0, 0};
    switch (position->kind) {
    case POSITION_CALL:
    case POSITION_LINE:
        return find_counted(reader, position, codes);
    case POSITION_EVENT:
        found.stretch = skim_stretch_of_event(reader, position->thread, position->number);
        return found;
    case POSITION_TIME:
        found.stretch = skim_stretch_of_time(reader, position->number);
        break;
    case POSITION_SHARE:
        found.stretch = skim_stretch_of_count(reader, events);
        break;
    case POSITION_END:
        found.stretch = skim_stretch_of_count(reader, UINT64_MAX);
        break;
    case POSITION_START:
    case POSITION_EXCEPTION:
        break;
    }
    found.counted = found.stretch != 0 ? reader->index->stretches[found.stretch].before : 0;
    return found;
}

/* Returns what may be left out from there on. */
static struct index_wanted find_wanted(const struct position *position, const struct u64map *codes)
{
    const uint32_t begins = UINT32_C(1) << RL_EVENT_CALL | UINT32_C(1) << RL_EVENT_RUNNING;
    switch (position->kind) {
    case POSITION_CALL:
        return (struct index_wanted){.kinds = begins, .codes = codes};
    case POSITION_LINE:
        return (struct index_wanted){
            .kinds = UINT32_C(1) << RL_EVENT_LINE, .line = position->line, .codes = codes};
    case POSITION_EVENT:
        return (struct index_wanted){.thread = position->thread};
    default:
        return (struct index_wanted){0};
    }
}

/* What a pass over the events knows. */
struct finding {
    const struct position *position;
    const struct u64map *codes;
    uint64_t wanted; /* SHARE: this many events */
    uint64_t seen;
    uint64_t before; /* calls or runs of a line before the first event of a part */
    const struct reader *reader;
    struct position_found *out;
};

/* Takes the event as the answer so far. */
static void keep_event(struct finding *finding, const struct event_out *event)
{
    finding->out->event = *event;
    finding->out->event.values = NULL;
    finding->out->event.values_len = 0;
}

/* Returns whether the pass is over. An event that no verb shows has a number, too: the event before
 * it is meant, or the first one of the thread. */
static int is_at_event(struct finding *finding, const struct event_out *event)
{
    struct position_found *out = finding->out;
    if (event->thread != finding->position->thread) {
        return 0;
    }
    int is_behind = event->seq > finding->position->number;
    out->is_lost = is_behind && event->is_after_gap;
    out->is_found = event->seq == finding->position->number || (is_behind && !out->is_lost);
    if (!is_behind || out->is_lost || out->event.kind == 0) {
        keep_event(finding, event);
    }
    return out->is_lost || out->is_found;
}

/* Takes a call that had begun before the part. Returns whether the pass is over. */
static int is_at_running(struct finding *finding, const struct event_out *event)
{
    uint64_t number = finding->position->number;
    uint64_t wanted = number != 0 ? number : finding->before;
    if (wanted == 0 || before_number(&finding->reader->before, event->frame) != wanted) {
        return 0;
    }
    keep_event(finding, event);
    finding->out->is_found = 1;
    return number != 0;
}

/* Returns whether the pass is over. */
static int is_there(struct finding *finding, const struct event_out *event)
{
    const struct position *position = finding->position;
    struct position_found *out = finding->out;
    int is_counted = 0;
    if (position->kind <= POSITION_LINE && position->kind != POSITION_EVENT &&
        !event->is_of_before && position->number != 0 && position->number <= finding->before) {
        return 1; /* it was before the part, and is not open */
    }
    switch (position->kind) {
    case POSITION_EVENT:
        return is_at_event(finding, event);
    case POSITION_CALL:
        is_counted = position_counts_call(event, finding->codes);
        if (is_counted && event->is_of_before) {
            return is_at_running(finding, event);
        }
        break;
    case POSITION_LINE:
        is_counted = position_counts_line(event, position->line, finding->codes);
        break;
    case POSITION_TIME:
        if (event->t > position->number) {
            if (finding->seen == 1) {
                keep_event(finding, event);
            }
            return 1;
        }
        is_counted = 1;
        break;
    case POSITION_START:
    case POSITION_SHARE:
    case POSITION_END:
        is_counted = 1;
        break;
    case POSITION_EXCEPTION:
        return 1;
    }
    if (is_counted) {
        keep_event(finding, event);
        out->counted++;
        out->is_found = position->kind > POSITION_LINE || position->number == 0 ||
                        position->number == out->counted;
    }
    return is_counted && ((position->kind <= POSITION_LINE && position->number == out->counted) ||
                          position->kind == POSITION_START ||
                          (position->kind == POSITION_SHARE && finding->seen >= finding->wanted));
}

rl_status position_find(struct reader *reader, const struct position *position,
                        const struct u64map *codes, struct position_found *out)
{
    struct position_found found = {0};
    struct finding finding = {position, codes, 0, 0, count_before(reader, position, codes),
                              reader,   &found};
    struct index_wanted wanted = find_wanted(position, codes);
    struct skim skim = {0};
    struct event_out event;
    if (position->kind == POSITION_SHARE) {
        finding.wanted = (uint64_t)((double)reader->events * (double)position->number / 1e6);
    }
    struct beginning begin = find_beginning(reader, position, codes, finding.wanted);
    rl_status status = skim_open(reader, 0, begin.stretch, NULL, &skim);
    found.counted = skim.given != 0 ? begin.counted : finding.before;
    found.has_losses = reader->before.has_losses;
    while (status == RL_OK && (status = skim_next(&skim, &wanted, &event)) == RL_OK) {
        finding.seen = skim.given;
        found.has_losses |= event.is_after_gap;
        if (is_there(&finding, &event)) {
            break;
        }
    }
    skim_close(&skim);
    if (status == RL_NOMEM) {
        return status;
    }
    if (!found.is_found && position->number != 0 && position->number <= finding.before) {
        found.is_lost = 1;
    }
    *out = found;
    return RL_OK;
}
