/* Why: names of files may hold what a terminal obeys. */
#include "safe_text.h"

#include <string.h>

#include "compat.h"

#include "utf8.h"

void safe_text(char *out, size_t size, const char *name)
{
    const uint8_t *p = (const uint8_t *)name;
    size_t left = strlen(name), used = 0;
    while (left != 0 && used + UTF8_ESCAPE_MAX < size) {
        uint32_t c;
        size_t n = utf8_get(p, left, &c);
        if (n == 0) {
            c = 0xdc00u + *p; /* as Python decodes it */
        }
        if (n != 0 && Py_UNICODE_ISPRINTABLE(c)) {
            memcpy(out + used, p, n);
            used += n;
        } else {
            used += utf8_put_escape(out + used, c);
        }
        n = n != 0 ? n : 1;
        left -= n;
        p += n;
    }
    out[used] = '\0';
}
