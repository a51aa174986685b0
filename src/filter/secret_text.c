/* Why: all searches for secrets need the same answer about a byte: one table, one load. */
#include "secret_text.h"

#include <ctype.h>

uint8_t secret_classes[256];

void secret_text_fill(void)
{
    for (int c = 0; c < 256; c++) {
        int is_alnum = c < 128 && isalnum(c), is_caps = c < 128 && isupper(c);
        int is_decimal = c >= '0' && c <= '9', is_line = c == '_' || c == '-';
        uint8_t class = 0;
        class |= is_alnum ? CLASS_WORD | CLASS_BASE64 : 0;
        class |= is_alnum || is_line || c >= 128 ? CLASS_NAME : 0;
        class |= is_decimal ? CLASS_DIGIT : 0;
        class |= is_caps ? CLASS_UPPER : 0;
        class |= is_line ? CLASS_WORD : 0;
        class |= c == '+' || c == '/' || c == '=' ? CLASS_BASE64 : 0;
        class |= is_decimal || is_caps || c == ' ' || c == '-' ? CLASS_NUMBER : 0;
        class |= c != 0 && strchr(":=>bB-%", c) != NULL ? CLASS_MARK : 0;
        secret_classes[c] = class;
    }
}
