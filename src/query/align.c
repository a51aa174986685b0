/* Why: after two runs part, `diff` looks for the place where they come together again.
 *
 * cell (i, j) = the best weight that pairs of the steps from a[i] and b[j] on can have
 *
 * Invariant: a weight is at most EQUAL * ALIGN_MAX, which a cell holds. */
#include "align.h"

#include "alloc.h"

enum { SAME = 1, EQUAL = 8 };
_Static_assert(EQUAL *ALIGN_MAX <= UINT16_MAX, "a weight fits a cell");

static uint16_t weight(const struct align_step *a, const struct align_step *b)
{
    return a->what != b->what ? 0 : a->whole == b->whole ? EQUAL : SAME;
}

static uint16_t larger(uint16_t a, uint16_t b)
{
    return a > b ? a : b;
}

/* Fills the table from its end. */
static void fill(uint16_t *cells, const struct align_step *a, size_t n, const struct align_step *b,
                 size_t m)
{
    size_t width = m + 1;
    for (size_t j = 0; j <= m; j++) {
        cells[n * width + j] = 0;
    }
    for (size_t i = n; i-- > 0;) {
        uint16_t *row = cells + i * width, *below = row + width;
        row[m] = 0;
        for (size_t j = m; j-- > 0;) {
            uint16_t w = weight(&a[i], &b[j]);
            uint16_t best = larger(below[j], row[j + 1]);
            row[j] = w == 0 ? best : larger(best, (uint16_t)(below[j + 1] + w));
        }
    }
}

rl_status align_steps(struct align_table *table, const struct align_step *a, size_t n,
                      const struct align_step *b, size_t m)
{
    void *cells = table->cells, *pairs = table->pairs;
    size_t width = m + 1;
    if (rl_grow(&cells, &table->cap, (n + 1) * width, sizeof *table->cells) != 0) {
        return RL_NOMEM;
    }
    table->cells = cells;
    if (rl_grow(&pairs, &table->pair_cap, (n < m ? n : m) + 1, sizeof *table->pairs) != 0) {
        return RL_NOMEM;
    }
    table->pairs = pairs;
    table->pair_count = 0;
    fill(table->cells, a, n, b, m);
    for (size_t i = 0, j = 0; i < n && j < m;) {
        const uint16_t *cell = table->cells + i * width + j;
        uint16_t w = weight(&a[i], &b[j]);
        if (w != 0 && *cell == cell[width + 1] + w) {
            table->pairs[table->pair_count++] = (struct align_pair){i++, j++};
        } else if (cell[width] >= cell[1]) {
            i++;
        } else {
            j++;
        }
    }
    return RL_OK;
}

void align_fini(struct align_table *table)
{
    rl_free(table->cells);
    rl_free(table->pairs);
    *table = (struct align_table){0};
}
