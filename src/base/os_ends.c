/* Part of os.h. Why: a signal whose default action ends the process leaves no other moment to write
 * down which one it was.
 *
 *   signal ----> on_deadly(): note(), default action again ----> the signal once more: the end
 *
 * Invariants:
 *  1. Only a signal with its default action gets our handler. It never returns to the program: the
 *     exit status and the core dump are those of the signal.
 *  2. A fault repeats by itself, at the same instruction. Any other signal is raised again, and
 *     stays blocked until the handler returns.
 *
 * Threads: any. The handler runs in whichever thread the system chooses. */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* SIGBUS belongs to the guard in os_posix.c, SIGTRAP to debuggers; Python handles or ignores the
 * others that end a process. */
static const int deadly[] = {
    SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT, SIGFPE, SIGUSR1,   SIGSEGV,
    SIGUSR2, SIGALRM, SIGTERM, SIGXCPU, SIGSYS,  SIGPWR, SIGVTALRM, SIGPROF,
};

static _Atomic(void (*)(int)) noted;

static void on_deadly(int signo, siginfo_t *info, void *context)
{
    (void)context;
    int keep = errno;
    /* acquire: pairs with the release in os_watch_deadly() */
    void (*note)(int) = atomic_load_explicit(&noted, memory_order_acquire);
    if (note != NULL) {
        note(signo);
    }
    errno = keep;
    int can_repeat = signo == SIGSEGV || signo == SIGILL || signo == SIGFPE;
    if (!can_repeat || info->si_code <= 0 || info->si_code == SI_KERNEL) {
        (void)raise(signo); /* the action is the default one again: SA_RESETHAND */
    }
}

void os_watch_deadly(void (*note)(int signo))
{
    struct sigaction ours = {.sa_sigaction = on_deadly,
                             .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)};
    (void)sigemptyset(&ours.sa_mask);
    atomic_store_explicit(&noted, note, memory_order_release);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
        struct sigaction now;
        if (sigaction(deadly[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
            now.sa_handler == SIG_DFL) {
            (void)sigaction(deadly[i], &ours, NULL);
        }
    }
}

void os_unwatch_deadly(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
        struct sigaction now;
        if (sigaction(deadly[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
            now.sa_sigaction == on_deadly) {
            (void)sigaction(deadly[i], &standard, NULL);
        }
    }
}

/* ---- exit() ---- */

#ifdef __GLIBC__
static void (*exited)(int);

static void on_exit_status(int status, void *ignored)
{
    (void)ignored;
    exited(status & 0xff); /* what whoever waits sees */
}

int os_at_exit(void (*note)(int status))
{
    exited = note;
    return on_exit(on_exit_status, NULL) == 0 ? 0 : -1;
}
#else
int os_at_exit(void (*note)(int status))
{
    (void)note;
    return -1;
}
#endif
