/* Why: see copies.h. */
#include "copies.h"

Py_ssize_t copies_index = -1;
