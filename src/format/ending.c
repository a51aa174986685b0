/* Why: see ending.h. */
#include "ending.h"

enum { MOST_STATUS = 255, MOST_SIGNAL = 64 };

uint64_t ending_word(struct ending ending)
{
    return (uint64_t)ending.value << 32 | ending.how;
}

rl_status ending_of(uint64_t word, struct ending *ending)
{
    struct ending found = {(uint32_t)word, (uint32_t)(word >> 32)};
    int is_status = found.how == RL_ENDING_EXIT || found.how == RL_ENDING_OS_EXIT;
    int is_signal = found.how == RL_ENDING_SIGNAL;
    int is_plain = found.how == RL_ENDING_NONE || found.how == RL_ENDING_STOPPED;
    if ((is_status && found.value > MOST_STATUS) || (is_plain && found.value != 0) ||
        (is_signal && (found.value == 0 || found.value > MOST_SIGNAL))) {
        return RL_DAMAGED;
    }
    *ending = found.how < RL_ENDINGS ? found : (struct ending){RL_ENDING_NONE, 0};
    return RL_OK;
}

struct ending ending_join(struct ending own, struct ending waited)
{
    int is_own_exit = own.how == RL_ENDING_EXIT || own.how == RL_ENDING_OS_EXIT;
    if (waited.how == RL_ENDING_NONE || own.how == RL_ENDING_STOPPED) {
        return own;
    }
    return waited.how == RL_ENDING_EXIT && is_own_exit ? (struct ending){own.how, waited.value}
                                                       : waited;
}
