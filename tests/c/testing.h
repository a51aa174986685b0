/* cmocka, and paths for files that a test makes. */
#ifndef TESTING_H
#define TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A path that does not exist; static memory. */
static inline const char *fresh_path(void)
{
    static char path[256];
    static int n;
    const char *folder = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/relive-test-%d-%d.relive",
                   folder != NULL ? folder : "/tmp", (int)getpid(), n++);
    (void)unlink(path);
    return path;
}

#endif
