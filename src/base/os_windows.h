/* Functions that C libraries elsewhere have, for Windows. The build includes this file into each
 * file of the core there, so that none of them names a system. */
#ifndef OS_WINDOWS_H
#define OS_WINDOWS_H

#define _CRT_RAND_S /* rand_s() */
#include <locale.h>
#include <stddef.h>
#include <stdlib.h>

#define LC_ALL_MASK                 LC_ALL
#define locale_t                    _locale_t
#define newlocale(mask, name, base) _create_locale(mask, name)
#define strtod_l                    _strtod_l
#define freelocale                  _free_locale

void *aligned_alloc(size_t alignment, size_t size); /* of C11; without the alignment */
void *memmem(const void *text, size_t len, const void *part, size_t part_len);

#endif
