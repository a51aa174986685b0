/* Why: a traced thread only says which file it met; everything that takes time is the writer's. */
#include "source_asks.h"

#include <string.h>

#include "alloc.h"

/* Copies a text to *room, with a final NUL, and moves *room behind it. */
static struct text copy_text(struct text text, char **room)
{
    char *copy = *room;
    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = 0;
    *room += text.len + 1;
    return (struct text){copy, text.len};
}

/* Returns an owned copy, or NULL without memory. */
static struct source_ask *copy_file(const struct source_file *file)
{
    size_t bytes = file->name.len + file->path.len + file->given.len + file->module.len +
                   file->function.len + 5;
    struct source_ask *ask = rl_alloc(1, sizeof *ask + bytes);
    if (ask != NULL) {
        char *room = (char *)(ask + 1);
        *ask = (struct source_ask){.file = *file};
        ask->file.name = copy_text(file->name, &room);
        ask->file.path = copy_text(file->path, &room);
        ask->file.given = copy_text(file->given, &room);
        ask->file.module = copy_text(file->module, &room);
        ask->file.function = copy_text(file->function, &room);
    }
    return ask;
}

int source_asks_add(struct source_asks *asks, const struct source_file *file)
{
    if (strmap_get(&asks->known, file->name.data, file->name.len) != NULL) {
        return 0;
    }
    struct source_ask *ask = asks->known.count < RL_SOURCE_FILES_MAX ? copy_file(file) : NULL;
    if (ask == NULL || strmap_put(&asks->known, file->name.data, file->name.len, 1) != 0) {
        rl_free(ask);
        return -1;
    }
    if (asks->last != NULL) {
        asks->last->next = ask;
    } else {
        asks->first = ask;
    }
    asks->last = ask;
    return 0;
}

struct source_ask *source_asks_take(struct source_asks *asks)
{
    struct source_ask *ask = asks->first;
    if (ask != NULL) {
        asks->first = ask->next;
        asks->last = ask->next != NULL ? asks->last : NULL;
    }
    return ask;
}

void source_asks_fini(struct source_asks *asks)
{
    struct source_ask *ask;
    while ((ask = source_asks_take(asks)) != NULL) {
        rl_free(ask);
    }
    strmap_fini(&asks->known);
    bytes_out_fini(&asks->raw);
    bytes_out_fini(&asks->decoded);
    bytes_out_fini(&asks->entries);
}
