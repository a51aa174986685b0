/* Searches texts of one kind for secrets: see scan.py.
 *
 *     scan KIND LENGTH TEXTS    the texts differ; each is cut after LENGTH bytes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secrets.h"

enum { LONGEST = 4096 };

/* A text begins with a number, and these repeat behind it. */
static const struct kind {
    const char *name, *text;
} kinds[] = {
    {"logs", " 2026-11-29 10:22:31,417 INFO app.worker [pid 4711] job 99182 done in 12.7 ms; "},
    {"json", "{\"id\": 4711, \"name\": \"Ada\", \"tags\": [\"a\", \"b\"], \"price\": 12.5, \"ok\": "
             "true}, "},
    {"paths", "/usr/lib/python3/dist-packages/some_package/module_of_it.py:/srv/app/static/css:"},
    {"prose", " the quick brown fox jumps over a lazy dog, and nobody in town asks it why."},
    {"addresses", " https://shop.example.org/items/4711?page=2&sort=price#top ada@example.org, "},
    {"sql", " select name, price from items where owner = 4711 and state in ('new', 'old'); "},
};

int main(int argc, char **argv)
{
    static char text[LONGEST];
    struct secret_part parts[SECRET_PARTS];
    size_t found = 0, len = argc == 4 ? strtoull(argv[2], NULL, 10) : LONGEST + 1;
    const struct kind *kind = kinds;
    while (len <= LONGEST && kind < kinds + sizeof kinds / sizeof *kinds &&
           strcmp(kind->name, argv[1]) != 0) {
        kind++;
    }
    if (len > LONGEST || kind == kinds + sizeof kinds / sizeof *kinds) {
        (void)fprintf(stderr, "usage: scan KIND LENGTH TEXTS\n");
        return 1;
    }
    for (size_t i = 0; i < LONGEST; i++) {
        text[i] = kind->text[i % strlen(kind->text)];
    }
    for (int i = atoi(argv[3]); i > 0; i--) {
        char number[16];
        int digits = snprintf(number, sizeof number, "%d", i);
        memcpy(text, number, (size_t)digits);
        found += secret_parts(text, len, 0, parts);
    }
    (void)printf("%zu\n", found);
    return 0;
}
