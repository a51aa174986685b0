/* Part of os.h. Why: some work must not happen inside the recorded program, so another process does
 * it. */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"

enum { ANSWER_MAX = 64 << 20, READ = 64 << 10 };

/* Returns whether an entry of the environment is one of the variables. */
static int is_left_out(const char *entry, const char *const *without)
{
    for (; *without != NULL; without++) {
        size_t len = strlen(*without);
        if (strncmp(entry, *without, len) == 0 && entry[len] == '=') {
            return 1;
        }
    }
    return 0;
}

/* Returns the environment without these variables, or NULL without memory. The array is owned, its
 * words are not. */
static char **copy_environment(const char *const *without)
{
    size_t count = 0, kept = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **words = rl_zalloc(count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && i < count; i++) {
        if (!is_left_out(environ[i], without)) {
            words[kept++] = environ[i];
        }
    }
    return words;
}

/* Starts the program with the socket as stdin and stdout. */
static int spawn_child(const char *const *words, char *const *variables, int fd, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -1;
    }
    int failed = posix_spawn_file_actions_adddup2(&actions, fd, 0) != 0 ||
                 posix_spawn_file_actions_adddup2(&actions, fd, 1) != 0 ||
                 posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_RDWR, 0) != 0;
    if (!failed) {
        union { /* posix_spawn() writes to neither */
            const char *const *given;
            char *const *taken;
        } as = {words};
        failed = posix_spawn(child, words[0], &actions, NULL, as.taken, variables) != 0;
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : 0;
}

/* Sends the request. The program may end without having read all of it. */
static void send_request(int fd, const char *data, size_t len)
{
    while (len != 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            break;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    (void)shutdown(fd, SHUT_WR);
}

/* Reads until the program closes its stdout. A longer answer than ANSWER_MAX is an error. */
static int read_answer(int fd, struct bytes_out *answer)
{
    for (;;) {
        uint8_t *at = answer->len < ANSWER_MAX ? bytes_room(answer, READ) : NULL;
        ssize_t n = at != NULL ? recv(fd, at, READ, 0) : -1;
        if (n == 0) {
            return 0;
        }
        if (at == NULL || (n < 0 && errno != EINTR)) {
            return -1;
        }
        answer->len += n > 0 ? (size_t)n : 0;
    }
}

/* A socket pair in place of two pipes: one descriptor is stdin and stdout of the program. */
int os_ask(const char *const *words, const char *const *without, const void *request, size_t len,
           struct bytes_out *answer)
{
    int pair[2], failed = -1, status = 0;
    pid_t child;
    char **variables = copy_environment(without); /* owned */
    if (variables == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        rl_free(variables);
        return -1;
    }
    int is_running = spawn_child(words, variables, pair[1], &child) == 0;
    (void)close(pair[1]);
    if (is_running) {
        send_request(pair[0], request, len);
        failed = read_answer(pair[0], answer);
    }
    (void)close(pair[0]);
    /* The status is unknown where this process ignores SIGCHLD. */
    while (is_running && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    rl_free(variables);
    return failed != 0 || !is_running || status != 0 ? -1 : 0;
}
