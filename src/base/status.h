/* Names for statuses, and the one way to fill an rl_err. */
#ifndef STATUS_H
#define STATUS_H

#include <relive/rl_status.h>

/* The stable code ("ERR_DAMAGED"). Static storage. */
const char *status_code(rl_status status);

/* Fills err (which may be NULL) and returns status, so that a failure is one line. */
rl_status status_set(struct rl_err *err, rl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the meaning of an errno value appended. */
rl_status status_set_errno(struct rl_err *err, rl_status status, int os_errno, const char *format,
                           ...) __attribute__((format(printf, 4, 5)));

/* Why a new file could not be made. */
rl_status status_set_not_created(struct rl_err *err, const char *path, int os_errno);

#endif
