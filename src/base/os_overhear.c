/* Why: see os_overhear.h.
 *
 *    import table of an object            here                       C library
 *    printf  -----------------------> our_printf() ------------------> vfprintf()
 *    (entry exchanged once)              |
 *                                        +-- report_output() --> listener
 *
 * Invariants:
 * 1. An entry is exchanged once, for a function with the same behaviour, and never changed back.
 * 2. What is reported is what the real function accepted. errno is the real function's.
 * 3. A write inside a reported one, such as the flush of a stream, is not reported again:
 * is_inside.
 *
 * Threads: any. One thread at a time walks the tables: is_busy. */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE /* text is formatted twice, and a fortified %n must not fail the second     \
                          time */
#include "os_overhear.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "thread_local.h"

#ifdef __GLIBC__ /* not declared without _FORTIFY_SOURCE */
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list args);
int __vdprintf_chk(int fd, int flag, const char *format, va_list args);
#endif

static _Atomic(os_heard) listener;
static QUICK_THREAD_LOCAL int is_inside;

/* ---- reports ---- */

/* Calls the listener, unless this thread is inside it or inside another reported write. */
static void report_output(int fd, const void *bytes, size_t n)
{
    int error = errno;
    os_heard heard = atomic_load_explicit(&listener, memory_order_acquire);
    if (heard != NULL && n != 0 && !is_inside) {
        is_inside = 1;
        heard(fd, bytes, n);
        is_inside = 0;
    }
    errno = error;
}

/* Returns 1 or 2 where output to the stream must be reported, else 0. */
static int find_listened(FILE *stream)
{
    if (is_inside || stream == NULL ||
        atomic_load_explicit(&listener, memory_order_relaxed) == NULL) {
        return 0;
    }
    int error = errno;
    int fd = fileno(stream);
    errno = error;
    return fd == 1 || fd == 2 ? fd : 0;
}

static void report_text(int fd, const char *text, size_t n)
{
    if (fd != 0) {
        report_output(fd, text, n);
    }
}

/* ---- write(2) ---- */

static ssize_t our_write(int fd, const void *bytes, size_t n)
{
    ssize_t written = write(fd, bytes, n);
    if ((fd == 1 || fd == 2) && written > 0) {
        report_output(fd, bytes, (size_t)written);
    }
    return written;
}

static ssize_t our_writev(int fd, const struct iovec *parts, int count)
{
    ssize_t written = writev(fd, parts, count);
    if (fd == 1 || fd == 2) {
        size_t left = written > 0 ? (size_t)written : 0;
        for (int i = 0; left != 0 && i < count; i++) {
            size_t n = parts[i].iov_len < left ? parts[i].iov_len : left;
            report_output(fd, parts[i].iov_base, n);
            left -= n;
        }
    }
    return written;
}

/* ---- stdio ---- */

static size_t our_fwrite(const void *items, size_t size, size_t count, FILE *stream)
{
    int fd = find_listened(stream);
    is_inside++;
    size_t done = fwrite(items, size, count, stream);
    is_inside--;
    report_text(fd, items, done * size);
    return done;
}

static int our_fputs(const char *text, FILE *stream)
{
    int fd = find_listened(stream);
    is_inside++;
    int result = fputs(text, stream);
    is_inside--;
    if (result >= 0) {
        report_text(fd, text, strlen(text));
    }
    return result;
}

static int our_puts(const char *text)
{
    int fd = find_listened(stdout);
    is_inside++;
    int result = puts(text);
    is_inside--;
    if (result >= 0) {
        report_text(fd, text, strlen(text));
        report_text(fd, "\n", 1);
    }
    return result;
}

static int our_fputc(int c, FILE *stream)
{
    int fd = find_listened(stream);
    is_inside++;
    int result = fputc(c, stream);
    is_inside--;
    if (result != EOF) {
        char byte = (char)c;
        report_text(fd, &byte, 1);
    }
    return result;
}

static int our_putchar(int c)
{
    return our_fputc(c, stdout);
}

static int our_fflush(FILE *stream)
{
    is_inside++; /* its text was reported when it was written */
    int result = fflush(stream);
    is_inside--;
    return result;
}

/* Formats text into `few` where it fits, else into memory from malloc(). Returns NULL without
 * memory. */
static char *format_text(char *few, size_t size, const char *text, va_list args, size_t *len)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(few, size, text, args);
    char *all = n < 0 ? NULL : few;
    if (n > 0 && (size_t)n >= size && (all = malloc((size_t)n + 1)) != NULL) {
        n = vsnprintf(all, (size_t)n + 1, text, again);
    }
    va_end(again);
    *len = n > 0 ? (size_t)n : 0;
    return all;
}

static void free_formatted(char *all, const char *few)
{
    int error = errno;
    if (all != few) {
        free(all);
    }
    errno = error;
}

static int print_to_stream(FILE *stream, int flag, const char *text, va_list args)
{
    char few[1024], *all = NULL;
    size_t len = 0;
    int fd = find_listened(stream);
    is_inside++;
    if (fd != 0) {
        va_list copy;
        va_copy(copy, args);
        all = format_text(few, sizeof few, text, copy, &len);
        va_end(copy);
    }
#ifdef __GLIBC__
    int result =
        flag >= 0 ? __vfprintf_chk(stream, flag, text, args) : vfprintf(stream, text, args);
#else
    (void)flag;
    int result = vfprintf(stream, text, args);
#endif
    is_inside--;
    if (all != NULL && result >= 0) {
        report_text(fd, all, len);
    }
    free_formatted(all, few);
    return result;
}

static int our_vfprintf(FILE *stream, const char *text, va_list args)
{
    return print_to_stream(stream, -1, text, args);
}

static int our_vprintf(const char *text, va_list args)
{
    return print_to_stream(stdout, -1, text, args);
}

static int our_vfprintf_chk(FILE *stream, int flag, const char *text, va_list args)
{
    return print_to_stream(stream, flag, text, args);
}

static int our_vprintf_chk(int flag, const char *text, va_list args)
{
    return print_to_stream(stdout, flag, text, args);
}

#define PRINT(name, parameters, last, how, where, flag)                                            \
    static int name parameters                                                                     \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, last);                                                                      \
        int result = how(where, flag, last, args);                                                 \
        va_end(args);                                                                              \
        return result;                                                                             \
    }
static int print_to_descriptor(int fd, int flag, const char *text, va_list args)
{
    char few[1024];
    size_t len;
    va_list copy;
    va_copy(copy, args);
    char *all = format_text(few, sizeof few, text, copy, &len);
    va_end(copy);
    is_inside++;
#ifdef __GLIBC__
    int result = flag >= 0 ? __vdprintf_chk(fd, flag, text, args) : vdprintf(fd, text, args);
#else
    (void)flag;
    int result = vdprintf(fd, text, args);
#endif
    is_inside--;
    if (all != NULL && result >= 0 && (fd == 1 || fd == 2)) {
        report_output(fd, all, len);
    }
    free_formatted(all, few);
    return result;
}

static int our_vdprintf(int fd, const char *text, va_list args)
{
    return print_to_descriptor(fd, -1, text, args);
}

static int our_vdprintf_chk(int fd, int flag, const char *text, va_list args)
{
    return print_to_descriptor(fd, flag, text, args);
}

PRINT(our_printf, (const char *text, ...), text, print_to_stream, stdout, -1)
PRINT(our_fprintf, (FILE * stream, const char *text, ...), text, print_to_stream, stream, -1)
PRINT(our_dprintf, (int fd, const char *text, ...), text, print_to_descriptor, fd, -1)
PRINT(our_printf_chk, (int flag, const char *text, ...), text, print_to_stream, stdout, flag)
PRINT(our_fprintf_chk, (FILE * file, int flag, const char *text, ...), text, print_to_stream, file,
      flag)
PRINT(our_dprintf_chk, (int fd, int flag, const char *text, ...), text, print_to_descriptor, fd,
      flag)
#undef PRINT

static void our_perror(const char *text)
{
    char reason[200], line[600];
    int fd = find_listened(stderr), has_text = text != NULL && *text != 0, error = errno;
    int n = snprintf(line, sizeof line, "%.300s%s%s\n", has_text ? text : "", has_text ? ": " : "",
                     strerror_r(error, reason, sizeof reason));
    errno = error;
    is_inside++;
    perror(text);
    is_inside--;
    if (n > 0) {
        report_text(fd, line, (size_t)n);
    }
}

/* ---- objects that are loaded later ---- */

/* Calls dlopen() and takes in the new objects. Where a name has no path, the loader looks at its
 * caller, which must then be the program. So dlopen() is a tail call, and the new objects are taken
 * in later. */
static void *our_dlopen(const char *name, int mode)
{
    if (name == NULL || strchr(name, '/') == NULL) {
        os_heard heard = atomic_load_explicit(&listener, memory_order_acquire);
        if (heard != NULL && name != NULL) {
            heard(0, NULL, 0);
        }
        return dlopen(name, mode); /* a tail call: the program is its caller */
    }
    void *handle = dlopen(name, mode);
    os_overhear_loaded();
    return handle;
}

static void *find_replacement(const char *name);

/* Handles ctypes and cffi, which call what dlsym() returns instead of an entry of a table. */
static void *our_dlsym(void *handle, const char *name)
{
    if (handle == RTLD_NEXT || handle == RTLD_DEFAULT || name == NULL) {
        return dlsym(handle, name); /* the result would be the same */
    }
    void *found = dlsym(handle, name);
    void *ours = found != NULL ? find_replacement(name) : NULL;
    return ours != NULL && dlsym(RTLD_DEFAULT, name) == found ? ours : found;
}

/* ---- import tables ---- */

#define LISTENED(X)                                                                                \
    X("write", our_write)                                                                          \
    X("writev", our_writev)                                                                        \
    X("fwrite", our_fwrite)                                                                        \
    X("fwrite_unlocked", our_fwrite)                                                               \
    X("fputs", our_fputs)                                                                          \
    X("fputs_unlocked", our_fputs)                                                                 \
    X("puts", our_puts)                                                                            \
    X("fputc", our_fputc)                                                                          \
    X("putc", our_fputc)                                                                           \
    X("_IO_putc", our_fputc)                                                                       \
    X("putc_unlocked", our_fputc)                                                                  \
    X("fputc_unlocked", our_fputc)                                                                 \
    X("putchar", our_putchar)                                                                      \
    X("putchar_unlocked", our_putchar)                                                             \
    X("fflush", our_fflush)                                                                        \
    X("printf", our_printf)                                                                        \
    X("fprintf", our_fprintf)                                                                      \
    X("vprintf", our_vprintf)                                                                      \
    X("vfprintf", our_vfprintf)                                                                    \
    X("dprintf", our_dprintf)                                                                      \
    X("vdprintf", our_vdprintf)                                                                    \
    X("__dprintf_chk", our_dprintf_chk)                                                            \
    X("__vdprintf_chk", our_vdprintf_chk)                                                          \
    X("__printf_chk", our_printf_chk)                                                              \
    X("__fprintf_chk", our_fprintf_chk)                                                            \
    X("__vprintf_chk", our_vprintf_chk)                                                            \
    X("__vfprintf_chk", our_vfprintf_chk)                                                          \
    X("perror", our_perror)                                                                        \
    X("dlopen", our_dlopen)                                                                        \
    X("dlsym", our_dlsym)

static const struct {
    const char *name;
    void (*ours)(void);
} table[] = {
#define ENTRY(name, function) {name, (void (*)(void))function},
    LISTENED(ENTRY)
#undef ENTRY
};
enum { DESCRIPTORS = 2, ENTRIES = sizeof table / sizeof *table };

static void *replacement_at(size_t i)
{
    void *address;
    memcpy(&address, &table[i].ours, sizeof address);
    return address;
}

/* Returns our function for a name, or NULL. The last two of the table are never looked up by
 * name. */
static void *find_replacement(const char *name)
{
    for (size_t i = 0; i < ENTRIES - 2; i++) {
        if (strcmp(name, table[i].name) == 0) {
            return replacement_at(i);
        }
    }
    return NULL;
}

/* One loaded object, as its dynamic section describes it. */
struct object {
    uintptr_t base, sealed, sealed_end; /* [sealed, sealed_end) is read-only after relocation */
    const ElfW(Sym) * symbols;
    const char *names;
    int is_host;
};

/* Returns whether an address is inside an object. */
static int object_holds(const struct dl_phdr_info *info, const void *address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && (uintptr_t)address - begin < part->p_memsz) {
            return 1;
        }
    }
    return 0;
}

/* Stores our function in an entry. Its page is made writable for that moment where needed. */
static void exchange_entry(const struct object *o, uintptr_t place, void *ours)
{
    void *_Atomic *entry = (void *_Atomic *)place;
    if (atomic_load_explicit(entry, memory_order_relaxed) == ours) {
        return;
    }
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = place & ~(page - 1);
    int is_sealed = place >= o->sealed && place < o->sealed_end;
    if (is_sealed && mprotect((void *)begin, page, PROT_READ | PROT_WRITE) != 0) {
        return;
    }
    atomic_store_explicit(entry, ours, memory_order_release);
    if (is_sealed) {
        (void)mprotect((void *)begin, page, PROT_READ);
    }
}

#if defined(__x86_64__)
#define IS_IMPORT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#elif defined(__aarch64__)
#define IS_IMPORT(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#endif

#ifdef IS_IMPORT
/* Exchanges the entries of one relocation table. */
static void exchange_imports(const struct object *o, const ElfW(Rela) * entry, size_t bytes)
{
    for (size_t n = bytes / sizeof *entry; n > 0; n--, entry++) {
        const ElfW(Sym) *symbol = &o->symbols[ELF64_R_SYM(entry->r_info)];
        if (!IS_IMPORT(ELF64_R_TYPE(entry->r_info)) || symbol->st_shndx != SHN_UNDEF ||
            strchr("wfp_vd", o->names[symbol->st_name]) == NULL) {
            continue;
        }
        for (size_t i = o->is_host ? DESCRIPTORS : 0; i < ENTRIES; i++) {
            if (strcmp(o->names + symbol->st_name, table[i].name) == 0) {
                exchange_entry(o, o->base + entry->r_offset, replacement_at(i));
            }
        }
    }
}

/* Returns an address from the dynamic section. musl does not relocate these. */
static uintptr_t resolve_pointer(const struct object *o, const ElfW(Dyn) * entry)
{
    return entry->d_un.d_ptr < o->base ? o->base + entry->d_un.d_ptr : entry->d_un.d_ptr;
}

static const void *the_host;

/* Exchanges the entries of one loaded object. */
static int take_in_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    struct object o = {.base = info->dlpi_addr, .is_host = object_holds(info, the_host)};
    const ElfW(Dyn) *entry = NULL;
    const ElfW(Rela) *calls = NULL, *others = NULL;
    size_t call_bytes = 0, other_bytes = 0;
    (void)size;
    (void)unused;
    if (object_holds(info, (const void *)take_in_object) ||
        object_holds(info, (const void *)strlen)) {
        return 0; /* ourselves, and the C library */
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_DYNAMIC) {
            entry = (const ElfW(Dyn) *)(o.base + part->p_vaddr);
        } else if (part->p_type == PT_GNU_RELRO) {
            o.sealed = o.base + part->p_vaddr;
            o.sealed_end = o.sealed + part->p_memsz;
        }
    }
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            o.symbols = (const ElfW(Sym) *)resolve_pointer(&o, entry);
            break;
        case DT_STRTAB:
            o.names = (const char *)resolve_pointer(&o, entry);
            break;
        case DT_JMPREL:
            calls = (const ElfW(Rela) *)resolve_pointer(&o, entry);
            break;
        case DT_PLTRELSZ:
            call_bytes = entry->d_un.d_val;
            break;
        case DT_RELA:
            others = (const ElfW(Rela) *)resolve_pointer(&o, entry);
            break;
        case DT_RELASZ:
            other_bytes = entry->d_un.d_val;
            break;
        default:
            break;
        }
    }
    if (o.symbols != NULL && o.names != NULL) {
        exchange_imports(&o, calls, calls != NULL ? call_bytes : 0);
        exchange_imports(&o, others, others != NULL ? other_bytes : 0);
    }
    return 0;
}

static int count_objects(struct dl_phdr_info *info, size_t size, void *out)
{
    (void)size;
    *(unsigned long long *)out = info->dlpi_adds;
    return 1;
}

static _Atomic int is_busy;
static unsigned long long taken_in; /* loads that have been taken in; under is_busy */

void os_overhear_loaded(void)
{
    unsigned long long adds = 0;
    if (atomic_load(&listener) == NULL || atomic_exchange(&is_busy, 1)) {
        return;
    }
    (void)dl_iterate_phdr(count_objects, &adds);
    if (adds != taken_in) {
        taken_in = adds;
        (void)dl_iterate_phdr(take_in_object, NULL);
    }
    atomic_store(&is_busy, 0);
}

int os_overhear(os_heard heard, const void *host, const char **why)
{
    (void)why;
    the_host = host;
    taken_in = 0;
    atomic_store_explicit(&listener, heard, memory_order_release);
    os_overhear_loaded();
    return 0;
}
#else
void os_overhear_loaded(void) {}

int os_overhear(os_heard heard, const void *host, const char **why)
{
    (void)heard;
    (void)host;
    *why = "only where programs are ELF files for x86-64 or aarch64";
    return -1;
}
#endif

void os_overhear_end(void)
{
    atomic_store_explicit(&listener, NULL, memory_order_release);
}

void os_overhear_forked(void)
{
    is_inside = 0;
    atomic_store(&is_busy, 0);
}

int os_signals_are_blocked(void)
{
    sigset_t now, none;
    (void)sigemptyset(&none);
    return pthread_sigmask(SIG_SETMASK, NULL, &now) != 0 || memcmp(&now, &none, 64 / 8) != 0;
}
