/* Why: see source_table.h. */
#include "source_table.h"

#include "alloc.h"

void source_table_free(struct source_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        rl_free(table->all[i].lines);
    }
    for (size_t i = 0; i < table->payload_count; i++) {
        rl_free(table->payloads[i]);
    }
    rl_free(table->all);
    rl_free(table->payloads);
    strmap_fini(&table->by_name);
    rl_free(table);
}
