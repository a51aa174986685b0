/* Fills the caller's rl_err, and names statuses.
 *
 *    if (os_create(path, &fd, &os_errno) != 0) {
 *        return status_set_not_created(err, path, os_errno);
 *    }
 *
 * Threads: pure functions of their arguments. */
#ifndef STATUS_H
#define STATUS_H

#include <relive/rl_status.h>

/* Returns the stable code, such as "ERR_DAMAGED". Static storage. */
const char *status_code(rl_status status);

/* Fills err, which may be NULL, and returns status. So a failure takes one line. */
rl_status status_set(struct rl_err *err, rl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As status_set(); appends the meaning of an errno value. */
rl_status status_set_errno(struct rl_err *err, rl_status status, int os_errno, const char *format,
                           ...) __attribute__((format(printf, 4, 5)));

/* Describes why a file could not be created. */
rl_status status_set_not_created(struct rl_err *err, const char *path, int os_errno);

#endif
