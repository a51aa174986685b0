/* Expressions and recorded values that nobody vouches for. The input is "expression\nvalue bytes":
 * each name of the expression is the next value. An answer is given within the bounds of where.h,
 * and what it is grouped by is a value again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"
#include "where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzzed_row {
    const uint8_t *values;
    size_t size;
};

static struct operand load_fuzzed(void *self, uint32_t name, struct operand_scope *scope)
{
    const struct fuzzed_row *row = self;
    struct bytes_in in = bytes_in_of(row->values, row->size);
    for (uint32_t i = 0; i < name % 4; i++) {
        if (value_skip(&in) != RL_OK) {
            return operand_unknown(OPERAND_NOT_RECORDED);
        }
    }
    return operand_take(&in, scope);
}

/* What operand_put() writes must be one value, whole. */
static void check_group(const struct operand *result)
{
    struct bytes_out out = {0};
    if (operand_put(&out, result) && !out.failed) {
        struct bytes_in in = bytes_in_of(out.data, out.len);
        if (value_skip(&in) != RL_OK || bytes_left(&in) != 0) {
            abort();
        }
    }
    bytes_out_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size != 0 ? memchr(data, '\n', size) : NULL;
    size_t len = line != NULL ? (size_t)(line - data) : size;
    struct fuzzed_row row = {line != NULL ? line + 1 : data, line != NULL ? size - len - 1 : 0};
    struct strings strings = {0};
    struct where *where = NULL;
    struct where_error error = {0, ""};
    if (where_new(size != 0 ? (const char *)data : "", len, &where, &error) != RL_OK) {
        if (error.place > len || error.text[0] == 0) {
            abort();
        }
        return 0;
    }
    struct where_row names = {&row, load_fuzzed, &strings};
    struct operand result = where_run(where, &names);
    (void)where_answer(&result);
    check_group(&result);
    where_free(where);
    return 0;
}
