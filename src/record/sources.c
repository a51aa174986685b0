/* Why: a recording is read where the source files are not, or are others by now.
 *
 * What proves that a file is the source of the code, since the program chooses the name:
 *   - it is called .py or .pyw, by its name and by the path without links; the main program's file
 *     may have any name
 *   - it is a regular file, of text in the encoding that it states
 *   - the line where the code begins is in it, and from there on the code's own name; a module's
 *     last line is in it
 *
 * A slow disk holds up the writer for one file at a time: full slots come first. */
#include "sources.h"

#include <string.h>

#include "alloc.h"
#include "block.h"
#include "os.h"
#include "recorder_state.h"
#include "ring.h"
#include "source_entry.h"

enum { AT_ONCE = 256 << 10, KEPT_BYTES = 1 << 20, PATH_MOST = 4096 };

/* ---- asks ---- */

static void count_no_text(struct recorder *recorder, uint64_t n)
{
    if (recorder->control != NULL) {
        uint8_t *at = recorder->control->memory + RL_LV_NO_TEXT;
        put64(at, get64(at) + n);
    }
}

void sources_ask(struct recorder *recorder, const struct source_file *file)
{
    int was_empty = recorder->sources.first == NULL;
    if (source_asks_add(&recorder->sources, file) != 0) {
        count_no_text(recorder, 1);
    } else if (was_empty && recorder->sources.first != NULL) {
        os_cond_signal(&recorder->work);
    }
}

/* ---- what proves a source ---- */

static int has_python_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && (strcmp(dot, ".py") == 0 || strcmp(dot, ".pyw") == 0);
}

/* Returns where a line begins, or NULL where the text has no such line. */
static const char *find_line(struct text text, uint32_t line)
{
    const char *at = text.data, *end = text.data + text.len;
    while (line > 1 && at < end) {
        char c = *at++;
        if (c == '\n' || (c == '\r' && (at == end || *at != '\n'))) {
            line--;
        }
    }
    return line <= 1 ? at : NULL;
}

/* Returns whether the code can be in the text: its first line is there, and its name behind that.
 */
static int is_text_of_code(const struct source_file *file, struct text text)
{
    const char *at = find_line(text, file->line), *end = text.data + text.len;
    struct text name = file->function;
    if (at == NULL || name.len == 0) {
        return at != NULL;
    }
    for (; (size_t)(end - at) >= name.len; at++) {
        at = memchr(at, name.data[0], (size_t)(end - at) - name.len + 1);
        if (at == NULL) {
            return 0;
        }
        if (memcmp(at, name.data, name.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* ---- reading ---- */

static uint32_t state_of_failure(enum os_text_failure why)
{
    return why == OS_NOT_REGULAR  ? RL_SOURCE_NOT_REGULAR
           : why == OS_TOO_LARGE  ? RL_SOURCE_LARGE
           : why == OS_IN_ARCHIVE ? RL_SOURCE_PACKED
                                  : RL_SOURCE_UNREADABLE;
}

/* Reads the bytes of a file. Returns the state of its entry. */
static uint32_t read_bytes(struct recorder *recorder, const struct source_file *file,
                           struct text *bytes, uint32_t *flags)
{
    struct source_asks *sources = &recorder->sources;
    uint64_t mtime = 0;
    char real[PATH_MOST];
    enum os_text_failure why = OS_UNREADABLE;
    const char *path = file->path.data;
    bytes_out_reset(&sources->raw);
    if (file->given.len != 0) {
        *bytes = file->given;
        return RL_SOURCE_TEXT;
    }
    if (!file->is_main && !has_python_name(path)) {
        return RL_SOURCE_NOT_PYTHON;
    }
    if (os_real_path(path, real, sizeof real) == 0) {
        if (!file->is_main && !has_python_name(real)) {
            return RL_SOURCE_NOT_PYTHON;
        }
        path = real; /* without a link that could lead elsewhere meanwhile */
    }
    if (os_read_text(path, RL_SOURCE_TEXT_MAX, &sources->raw, &mtime, &why) != 0) {
        return state_of_failure(why);
    }
    if (sources->process_start == 0) {
        const struct file_header *h = &recorder->options.header;
        uint64_t run = h->start_real - (h->start_mono - h->run_mono), own = os_process_start();
        sources->process_start = own != 0 && own < run ? own : run;
    }
    *flags = mtime > sources->process_start ? RL_SOURCE_CHANGED : 0;
    *bytes = (struct text){(const char *)sources->raw.data, sources->raw.len};
    return RL_SOURCE_TEXT;
}

/* Makes the text of an entry. Returns RL_SOURCE_TEXT, or why there is none. */
static uint32_t make_text(struct recorder *recorder, const struct source_file *file,
                          struct source_entry *entry)
{
    struct source_asks *sources = &recorder->sources;
    const struct recorder_hooks *hooks = &recorder->options.hooks;
    struct text bytes = {"", 0}, text;
    uint32_t state = read_bytes(recorder, file, &bytes, &entry->flags);
    if (state != RL_SOURCE_TEXT) {
        return state;
    }
    bytes_out_reset(&sources->decoded);
    if (source_decode(bytes, &sources->decoded, &text) != RL_OK) {
        return RL_SOURCE_ENCODING;
    }
    if (!is_text_of_code(file, text)) {
        return RL_SOURCE_OTHER;
    }
    size_t room = RL_SOURCE_TEXT_MAX - sources->text_bytes;
    if (text.len > room) {
        return RL_SOURCE_LARGE;
    }
    if (hooks->clean_source(recorder->options.source_host, file, text, entry) != RL_OK) {
        return RL_SOURCE_FILTER;
    }
    /* Marks can be longer than what they replace. */
    return entry->text.len > room ? RL_SOURCE_LARGE : RL_SOURCE_TEXT;
}

/* Fills an entry: text, or why there is none. */
static void fill_entry(struct recorder *recorder, const struct source_file *file,
                       struct source_entry *entry)
{
    entry->state = make_text(recorder, file, entry);
    if (entry->state == RL_SOURCE_TEXT) {
        entry->digest = block_checksum(entry->text.data, entry->text.len);
    }
}

/* ---- writing ---- */

/* Appends the entries that have come as one block. Where that fails, their files are counted. */
static void write_entries(struct recorder *recorder)
{
    struct source_asks *sources = &recorder->sources;
    uint64_t most = UINT64_MAX, before = recorder_writer(recorder)->offset;
    if (state_is_ring(recorder)) {
        uint64_t all = ring_source_bytes(recorder);
        most = all > sources->block_bytes ? all - sources->block_bytes : 0;
    }
    rl_status status = sources->entries.failed
                           ? RL_NOMEM
                           : writer_source(recorder_writer(recorder), sources->entries.data,
                                           sources->entries.len, most);
    sources->block_bytes += recorder_writer(recorder)->offset - before;
    if (status != RL_OK) {
        count_no_text(recorder, sources->entry_count);
    }
    bytes_out_reset(&sources->entries);
    sources->entry_count = 0;
}

static void forget_large(struct bytes_out *out)
{
    if (out->cap > KEPT_BYTES) {
        bytes_out_fini(out);
    }
}

void sources_write_next(struct recorder *recorder)
{
    struct source_asks *sources = &recorder->sources;
    struct source_ask *ask = source_asks_take(sources);
    if (ask == NULL) {
        return;
    }
    int is_last = sources->first == NULL;
    struct source_entry entry = {.name = ask->file.name};
    state_begin_writing(recorder);
    fill_entry(recorder, &ask->file, &entry);
    source_entry_put(&sources->entries, &entry);
    sources->entry_count++;
    sources->text_bytes += entry.state == RL_SOURCE_TEXT ? entry.text.len : 0;
    if (is_last || sources->entries.len >= AT_ONCE || sources->entries.failed) {
        write_entries(recorder);
    }
    forget_large(&sources->raw);
    forget_large(&sources->decoded);
    forget_large(&sources->entries);
    state_end_writing(recorder);
    count_no_text(recorder, entry.state == RL_SOURCE_LARGE);
    rl_free(ask);
}

void sources_write_all(struct recorder *recorder)
{
    while (recorder->sources.first != NULL && recorder->writer_is != WRITER_ASKED) {
        sources_write_next(recorder);
    }
}
