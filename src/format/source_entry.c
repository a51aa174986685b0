/* Why: recorder and reader must agree on what a text is, byte by byte. Only then can a reader say
 * that the file on disk has another one.
 *
 * Invariant: nothing here trusts a length or a place that it reads. */
#include "source_entry.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "block.h"
#include "utf8.h"

/* ---- entries ---- */

void source_entry_put(struct bytes_out *out, const struct source_entry *entry)
{
    bytes_put_varint(out, entry->name.len);
    bytes_put(out, entry->name.data, entry->name.len);
    bytes_put_varint(out, entry->state);
    bytes_put_varint(out, entry->flags);
    if (entry->state == RL_SOURCE_TEXT) {
        bytes_put_u64(out, entry->digest);
        bytes_put_varint(out, entry->text.len);
        bytes_put(out, entry->text.data, entry->text.len);
        bytes_put_varint(out, entry->mark_count);
        bytes_put(out, entry->marks.data, entry->marks.len);
    }
}

/* Takes a text after its length. */
static struct text take_text(struct bytes_in *in)
{
    uint64_t len = bytes_varint(in);
    const uint8_t *data = len <= bytes_left(in) ? bytes_take(in, (size_t)len) : NULL;
    if (data == NULL && len != 0) {
        in->bad = 1;
    }
    return (struct text){data != NULL ? (const char *)data : "", in->bad ? 0 : (size_t)len};
}

/* Takes the marks, which must be in the text, in order, and read as marks there. */
static void take_marks(struct bytes_in *in, struct source_entry *entry)
{
    const size_t mark = sizeof RL_REDACTED_TEXT - 1;
    uint64_t count = bytes_varint(in), at = 0;
    const uint8_t *begin = in->at;
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint64_t step = bytes_varint(in);
        int fits = step <= entry->text.len && at + step + mark <= entry->text.len &&
                   memcmp(entry->text.data + at + step, RL_REDACTED_TEXT, mark) == 0;
        in->bad |= !fits;
        at += step + mark;
    }
    entry->marks = (struct text){(const char *)begin, (size_t)(in->at - begin)};
    entry->mark_count = in->bad ? 0 : (uint32_t)count;
}

int source_entry_get(struct bytes_in *in, struct source_entry *entry)
{
    if (bytes_left(in) == 0 || in->bad) {
        return 0;
    }
    *entry = (struct source_entry){.name = take_text(in)};
    entry->state = (uint32_t)bytes_varint(in);
    entry->flags = (uint32_t)bytes_varint(in);
    if (entry->state == RL_SOURCE_TEXT) {
        entry->digest = bytes_u64(in);
        entry->text = take_text(in);
        take_marks(in, entry);
    }
    return !in->bad;
}

const char *source_state_name(uint32_t state)
{
    static const char *const names[] = {
#define RL_SOURCE_NAME(name, number, text, meaning) [number] = text,
        RL_SOURCE_TABLE(RL_SOURCE_NAME)
#undef RL_SOURCE_NAME
    };
    return state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *source_state_text(uint32_t state)
{
    static const char *const texts[] = {
#define RL_SOURCE_WORDS(name, number, text, meaning) [number] = meaning,
        RL_SOURCE_TABLE(RL_SOURCE_WORDS)
#undef RL_SOURCE_WORDS
    };
    return state < sizeof texts / sizeof *texts ? texts[state] : "a reason of a newer format";
}

/* ---- the file on disk ---- */

/* Finds `piece` in the line at `at`, or NULL. An empty piece that ends the text is at its end. */
static const char *find_in_line(const char *at, const char *end, struct text piece, int is_last)
{
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (is_last) { /* only the end of the text fits */
        const char *from = (size_t)(end - at) >= piece.len ? end - piece.len : NULL;
        return from != NULL && (line == NULL || line >= from) &&
                       memcmp(from, piece.data, piece.len) == 0
                   ? from
                   : NULL;
    }
    for (line = line != NULL ? line : end; at <= line && (size_t)(end - at) >= piece.len; at++) {
        if (memcmp(at, piece.data, piece.len) == 0) {
            return at;
        }
    }
    return NULL;
}

int source_is_text_of(const struct source_entry *entry, struct text disk)
{
    const size_t mark = sizeof RL_REDACTED_TEXT - 1;
    const char *at = disk.len != 0 ? disk.data : "", *end = at + disk.len;
    struct bytes_in marks = bytes_in_of(entry->marks.data, entry->marks.len);
    const char *text = entry->text.len != 0 ? entry->text.data : "";
    size_t from = 0;
    for (uint32_t i = 0; i <= entry->mark_count; i++) {
        int is_last = i == entry->mark_count;
        size_t to = is_last ? entry->text.len : from + (size_t)bytes_varint(&marks);
        struct text piece = {text + from, to - from};
        if (i == 0) {
            int is_there = (is_last ? disk.len == piece.len : disk.len >= piece.len) &&
                           memcmp(at, piece.data, piece.len) == 0;
            at = is_there ? at : NULL;
        } else {
            at = find_in_line(at, end, piece, is_last);
        }
        if (at == NULL) {
            return 0;
        }
        at += piece.len;
        from = to + mark;
    }
    return 1;
}

/* ---- encodings ---- */

enum encoding { ENCODING_UTF8, ENCODING_ASCII, ENCODING_LATIN1, ENCODING_OTHER };

/* Returns whether a name of an encoding, in its usual spelling, is `wanted` or begins with it and a
 * dash (`utf-8-unix`, as Emacs writes it). */
static int is_encoding(const char *name, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncmp(name, wanted, len) == 0 && (name[len] == 0 || name[len] == '-');
}

static enum encoding encoding_of(const char *name, size_t len)
{
    char usual[32];
    if (len >= sizeof usual) {
        return ENCODING_OTHER;
    }
    for (size_t i = 0; i < len; i++) {
        usual[i] = name[i] == '_'                     ? '-'
                   : name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32)
                                                      : name[i];
    }
    usual[len] = 0;
    static const char *const ascii[] = {"ascii", "us-ascii"};
    static const char *const latin1[] = {"latin-1", "iso-8859-1", "iso-latin-1", "latin1", "l1"};
    if (is_encoding(usual, "utf-8") || strcmp(usual, "utf8") == 0) {
        return ENCODING_UTF8;
    }
    for (size_t i = 0; i < sizeof ascii / sizeof *ascii; i++) {
        if (strcmp(usual, ascii[i]) == 0) {
            return ENCODING_ASCII;
        }
    }
    for (size_t i = 0; i < sizeof latin1 / sizeof *latin1; i++) {
        if (is_encoding(usual, latin1[i])) {
            return ENCODING_LATIN1;
        }
    }
    return ENCODING_OTHER;
}

static int is_encoding_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* Returns whether a line names an encoding: ^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+). It is
 * *encoding then. *is_blank becomes whether the line has no code, so that the next one counts. */
static int names_encoding(const char *line, size_t len, enum encoding *encoding, int *is_blank)
{
    static const char word[] = "coding";
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\f')) {
        i++;
    }
    *is_blank = i == len || line[i] == '#';
    for (; i < len && line[i] != '#'; i = len) {
    }
    for (; i + sizeof word <= len; i++) {
        size_t at = i + sizeof word - 1;
        if (memcmp(line + i, word, sizeof word - 1) != 0 || (line[at] != ':' && line[at] != '=')) {
            continue;
        }
        for (at++; at < len && (line[at] == ' ' || line[at] == '\t'); at++) {
        }
        size_t begin = at;
        while (at < len && is_encoding_byte(line[at])) {
            at++;
        }
        if (at != begin) {
            *encoding = encoding_of(line + begin, at - begin);
            return 1;
        }
    }
    return 0;
}

static enum encoding find_encoding(struct text bytes)
{
    enum encoding encoding = ENCODING_UTF8;
    size_t at = 0;
    int is_blank = 1;
    for (int line = 0; line < 2 && is_blank && at < bytes.len; line++) {
        size_t end = at;
        while (end < bytes.len && bytes.data[end] != '\n' && bytes.data[end] != '\r') {
            end++;
        }
        if (names_encoding(bytes.data + at, end - at, &encoding, &is_blank)) {
            break;
        }
        int is_pair = end + 1 < bytes.len && bytes.data[end] == '\r' && bytes.data[end + 1] == '\n';
        at = end + 1 + (size_t)is_pair;
    }
    return encoding;
}

/* Returns whether the bytes are UTF-8 (or ASCII) without NUL, as the compiler wants them. */
static int is_valid_text(struct text bytes, int is_ascii)
{
    const uint8_t *data = (const uint8_t *)bytes.data;
    uint32_t point;
    for (size_t i = 0; i < bytes.len;) {
        size_t n = data[i] != 0 && data[i] < 0x80 ? 1
                   : data[i] != 0 && !is_ascii    ? utf8_get(data + i, bytes.len - i, &point)
                                                  : 0;
        if (n == 0 || (n == 3 && point >= 0xd800 && point < 0xe000)) {
            return 0;
        }
        i += n;
    }
    return 1;
}

rl_status source_decode(struct text bytes, struct bytes_out *out, struct text *text)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (bytes.len >= 3 && memcmp(bytes.data, bom, 3) == 0) {
        bytes = (struct text){bytes.data + 3, bytes.len - 3};
    }
    enum encoding encoding = find_encoding(bytes);
    if (encoding != ENCODING_LATIN1) {
        *text = bytes;
        return encoding != ENCODING_OTHER && is_valid_text(bytes, encoding == ENCODING_ASCII)
                   ? RL_OK
                   : RL_UNSUPPORTED;
    }
    uint8_t *room = bytes_room(out, 2 * bytes.len + 1), *p = room;
    for (size_t i = 0; room != NULL && i < bytes.len; i++) {
        p = utf8_put(p, (uint8_t)bytes.data[i]);
    }
    *text = (struct text){(const char *)room, room != NULL ? (size_t)(p - room) : 0};
    return room == NULL                               ? RL_NOMEM
           : memchr(bytes.data, 0, bytes.len) != NULL ? RL_UNSUPPORTED
                                                      : RL_OK;
}
