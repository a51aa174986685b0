/* Feeds files of folders to a fuzz target, each whole, cut at many places, and with bytes flipped.
 * Without a sanitizer only a crash is seen, and the sanitizers see all of those: fewer changes
 * there, the first ones of the same. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CUTS = 64, FLIPS = 150 };
#else
enum { CUTS = 16, FLIPS = 50 };
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mutate(uint8_t *data, size_t size)
{
    for (size_t cut = 0; cut < size; cut += 1 + size / CUTS) {
        (void)LLVMFuzzerTestOneInput(data, cut);
    }
    uint64_t random = 88172645463325252u;
    for (int i = 0; size != 0 && i < FLIPS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t at = (size_t)(random % size);
        uint8_t keep = data[at];
        data[at] = (uint8_t)(random >> 40);
        (void)LLVMFuzzerTestOneInput(data, size);
        data[at] = keep;
    }
}

static int replay(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    mutate(data, size);
    return 1;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            files += entry->d_name[0] != '.' && replay(argv[i], entry->d_name);
        }
        if (dir != NULL) {
            (void)closedir(dir);
        }
    }
    printf("%d files replayed\n", files);
    return files != 0 ? 0 : 1;
}
