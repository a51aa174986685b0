/* Why: every room reports failure in the same way; see include/relive/rl_status.h. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os.h"

const char *status_code(rl_status status)
{
    switch (status) {
#define CASE(name, number, code, meaning)                                                          \
    case RL_##name:                                                                                \
        return code;
        RL_STATUS_TABLE(CASE)
#undef CASE
    }
    return "ERR_UNKNOWN";
}

/* Formats the text, and appends the meaning of an errno value unless that is 0. */
static void fill_err(struct rl_err *err, rl_status status, int os_errno, const char *format,
                     va_list args)
{
    err->status = status;
    err->os_errno = os_errno;
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    if (os_errno != 0 && used >= 0 && (size_t)used < sizeof err->text) {
        char why[120];
        os_error_text(os_errno, why, sizeof why);
        (void)snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", why);
    }
}

rl_status status_set(struct rl_err *err, rl_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill_err(err, status, 0, format, args);
        va_end(args);
    }
    return status;
}

rl_status status_set_errno(struct rl_err *err, rl_status status, int os_errno, const char *format,
                           ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill_err(err, status, os_errno, format, args);
        va_end(args);
    }
    return status;
}

rl_status status_set_not_created(struct rl_err *err, const char *path, int os_errno)
{
    return os_is_existing(os_errno) ? status_set(err, RL_EXISTS, "%s exists already", path)
                                    : status_set_errno(err, os_is_full(os_errno) ? RL_LIMIT : RL_IO,
                                                       os_errno, "cannot create %s", path);
}
