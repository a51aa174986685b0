/* Why: see output_rows.h. */
#include "output_rows.h"

#include "capture_parts.h"
#include "policy.h"
#include "repeats.h"

enum { CLEAN = 2 * OUTPUT_PIECE };

uint32_t output_units(uint32_t len)
{
    /* One byte may become `<redacted>`. */
    return lane_data_units(len < CLEAN / 10 ? 10 * len : CLEAN) + 1;
}

void output_row(struct thread *t, unsigned stream, const uint8_t *bytes, size_t len)
{
    uint8_t clean[CLEAN + 16];
    const struct open_frame *top = &t->stack[t->depth];
    const struct policy *policy = t->depth != 0 ? policy_of(top->id) : NULL;
    struct secret_part known[SECRET_PARTS];
    size_t known_count = 0;
    if (t->capture != NULL) {
        repeats_begin_output(t->capture, t);
        known_count = capture_known(t->capture, bytes, len, known);
        repeats_end(t->capture);
    }
    size_t n = policy_clean(policy, bytes, len, known, known_count, clean, CLEAN);
    (void)lane_put_values(&t->lane, RL_EVENT_OUTPUT, stream, top->frame, n != 0 ? clean : bytes,
                          (uint32_t)(n != 0 ? n : len));
}
