/* Part of os.h. Why: locks and conditions are alike wherever there are POSIX threads. */
#include "os.h"

void os_mutex_init(struct os_mutex *mutex)
{
    (void)pthread_mutex_init(&mutex->m, NULL);
}

void os_mutex_fini(struct os_mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->m);
}

void os_lock_mutex(struct os_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->m);
}

int os_try_lock_mutex(struct os_mutex *mutex)
{
    return pthread_mutex_trylock(&mutex->m) == 0;
}

void os_unlock_mutex(struct os_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->m);
}

void os_cond_fini(struct os_cond *cond)
{
    (void)pthread_cond_destroy(&cond->c);
}

void os_cond_wait(struct os_cond *cond, struct os_mutex *mutex)
{
    (void)pthread_cond_wait(&cond->c, &mutex->m);
}

void os_cond_signal(struct os_cond *cond)
{
    (void)pthread_cond_signal(&cond->c);
}

void os_cond_broadcast(struct os_cond *cond)
{
    (void)pthread_cond_broadcast(&cond->c);
}

void os_thread_join(struct os_thread *thread)
{
    (void)pthread_join(thread->t, NULL);
}
