/* Why: one file has many names: relative to the folder where the program began, through links, and
 * with "..". Part of filter.h.
 *
 * Invariants: the folder of a FILTER_FOLDER gate is a resolved path, and relative names begin in
 * it. So the text of most names already answers. Other names are resolved, once per name, and kept
 * in gate->files. */
#include <string.h>

#include "filter_parts.h"
#include "os.h"

enum { PATH_BYTES = 4096 };

/* Returns whether a path has a part "..". */
static int goes_up(struct filter_text path)
{
    for (size_t i = 0; i + 1 < path.len; i++) {
        int begins = i == 0 || path.data[i - 1] == '/';
        int ends = i + 2 == path.len || path.data[i + 2] == '/';
        if (begins && ends && path.data[i] == '.' && path.data[i + 1] == '.') {
            return 1;
        }
    }
    return 0;
}

/* Returns whether a path is below a folder after its links are resolved. The file itself may be in
 * an archive, or may be gone. So the longest part that exists is resolved, and the rest is
 * appended. */
static int lies_below(struct filter_text path, struct filter_text folder)
{
    char known[PATH_BYTES], real[2 * PATH_BYTES];
    memcpy(known, path.data, path.len);
    for (size_t n = path.len; n != 0;) {
        struct filter_text rest = {path.data + n, path.len - n};
        known[n] = 0;
        if (os_real_path(known, real, PATH_BYTES) == 0) {
            size_t found = strlen(real);
            memcpy(real + found, rest.data, rest.len);
            return !goes_up(rest) &&
                   filter_is_below((struct filter_text){real, found + rest.len}, folder);
        }
        do {
            n--;
        } while (n != 0 && known[n] != '/');
    }
    return 0;
}

int filter_folder_holds(struct gate_pattern *gate, struct filter_text file)
{
    struct filter_text folder = {gate->text, gate->len};
    char path[PATH_BYTES];
    int is_relative = file.len != 0 && file.data[0] != '/';
    size_t before = is_relative ? folder.len + 1 : 0;
    if (file.len == 0 || file.data[0] == '<' || before + file.len >= sizeof path) {
        return 0; /* code without a file, such as <string> */
    }
    if (!goes_up(file) && (is_relative || filter_is_below(file, folder))) {
        return 1;
    }
    const uint32_t *known = strmap_get(&gate->files, file.data, file.len);
    if (known != NULL) {
        return (int)*known;
    }
    if (is_relative) {
        memcpy(path, folder.data, folder.len);
        path[folder.len] = '/';
    }
    memcpy(path + before, file.data, file.len);
    int holds = lies_below((struct filter_text){path, before + file.len}, folder);
    (void)strmap_put(&gate->files, file.data, file.len, (uint32_t)holds);
    return holds;
}
