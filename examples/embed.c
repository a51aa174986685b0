/* Records a little of a C program, reads it back and asks about it, with the public headers alone.
 *
 *     embed FILE */
#include <stdio.h>

#include <relive/rl_query.h>
#include <relive/rl_reader.h>
#include <relive/rl_writer.h>

static void record(rl_writer *writer)
{
    rl_thread *thread = rl_thread_begin(writer, 1);
    if (thread == NULL) {
        return;
    }
    uint32_t outer = rl_thread_code(thread, "embed", "outer", "embed.c", 10);
    uint32_t inner = rl_thread_code(thread, "embed", "inner", "embed.c", 20);
    uint64_t out = rl_thread_call(thread, outer);
    for (int i = 0; i < 3; i++) {
        uint64_t in = rl_thread_call(thread, inner);
        if (i == 2) {
            rl_thread_unwind(thread, inner, in);
        } else {
            rl_thread_return(thread, inner, in);
        }
    }
    rl_thread_return(thread, outer, out);
    rl_thread_end(thread);
}

/* Asks what was open at the second call of inner(), and how long each call of it took. */
static int ask(const char *path)
{
    rl_query *query = NULL;
    struct rl_err err = {RL_OK, 0, ""};
    struct rl_event event;
    struct rl_frame frame;
    struct rl_call call;
    size_t frames = 0, calls = 0;
    if (rl_query_open(path, &query, &err) != RL_OK ||
        rl_query_go(query, "inner#2", &event, &err) != RL_OK ||
        rl_query_calls(query, "inner", NULL, &err) != RL_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        rl_query_close(query);
        return 0;
    }
    while (rl_query_frame(query, frames, &frame) == RL_OK) {
        (void)printf("open: %.*s\n", (int)frame.qualname.len, frame.qualname.data);
        frames++;
    }
    while (rl_query_next_call(query, &call) == RL_OK) {
        (void)printf("inner#%llu: %llu ns\n", (unsigned long long)call.number,
                     (unsigned long long)call.total);
        calls++;
    }
    rl_query_close(query);
    return frames == 2 && calls == 3;
}

int main(int argc, char **argv)
{
    struct rl_err err = {RL_OK, 0, ""};
    rl_writer *writer = NULL;
    rl_reader *reader = NULL;
    struct rl_event event;
    int calls = 0;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: embed FILE\n");
        return 2;
    }
    (void)remove(argv[1]);
    if (rl_writer_open(argv[1], &writer, &err) != RL_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    record(writer);
    uint64_t written = rl_writer_close(writer);
    if (rl_reader_open(argv[1], &reader, &err) != RL_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while (rl_reader_next(reader, &event) == RL_OK) {
        struct rl_text line;
        calls += event.kind == RL_EVENT_CALL;
        if (rl_reader_json(reader, &line) == RL_OK) {
            (void)fwrite(line.data, 1, line.len, stdout);
        }
    }
    int is_right = calls == 4 && rl_reader_events(reader) == written &&
                   rl_reader_is_complete(reader) && rl_reader_lost(reader) == 0;
    rl_reader_close(reader);
    return is_right && ask(argv[1]) ? 0 : 1;
}
