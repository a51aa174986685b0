/* Why: "token" and "otp" name secrets and harmless things alike, so the value decides. A token has
 * letters and digits, or changes case often, or is long; a code has 3 to 12 digits. */
#include "secret_values.h"

#include "ascii.h"

enum {
    TOKEN_LEAST = 6,
    ALPHABET_LEAST = 16,
    DIGITS_LEAST = 4,
    CODE_LEAST = 3,
    CODE_MOST = 12,
    CHANGES_LEAST = 3, /* two in five letters; CamelCase words change case less often */
};

/* Counts the characters of a piece without blanks. */
struct piece {
    size_t len, letters, digits, url_signs, plain_signs; /* - and _; +, / and = */
    size_t changes;                                      /* between upper and lower case */
    char last;
};

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Returns whether a piece looks random enough for a token. */
static int is_token_piece(const struct piece *p)
{
    size_t others = p->len - p->letters - p->digits;
    if (p->len >= TOKEN_LEAST && p->letters != 0 && p->digits != 0) {
        return 1;
    }
    if (p->len >= TOKEN_LEAST && p->letters + p->url_signs == p->len &&
        p->changes >= CHANGES_LEAST && p->changes * 5 >= (p->len - 1) * 2) {
        return 1; /* as in aVqLzR */
    }
    if (p->len >= DIGITS_LEAST && p->digits == p->len) {
        return 1;
    }
    return p->len >= ALPHABET_LEAST && (others == p->url_signs || others == p->plain_signs);
}

static void count_char(struct piece *p, char c)
{
    p->len++;
    p->changes += (is_upper(p->last) && is_lower(c)) || (is_lower(p->last) && is_upper(c));
    p->last = c;
    p->letters += is_lower(c) || is_upper(c) || ((unsigned char)c & 0x80) != 0;
    p->digits += (size_t)is_digit(c);
    p->url_signs += c == '-' || c == '_';
    p->plain_signs += c == '+' || c == '/' || c == '=';
}

/* Returns whether a text is a token. It has no blanks, or it consists of pairs as a cookie header
 * does (a=...; b=...) and the value of one pair is a token. */
static int is_token(const char *text, size_t len)
{
    struct piece piece = {0}, value = {0};
    int has_blank = 0, in_value = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (is_blank(c) || c == ';') {
            if (in_value && is_token_piece(&value)) {
                return 1;
            }
            in_value = 0;
            has_blank |= is_blank(c);
        } else if (c == '=' && !in_value) {
            in_value = 1;
            value = (struct piece){0};
        } else if (in_value) {
            count_char(&value, c);
        }
        count_char(&piece, c);
    }
    return (in_value && is_token_piece(&value)) || (!has_blank && is_token_piece(&piece));
}

/* Returns whether a text is a code: 123456, 123 456, 123-456. */
static int is_digit_code(const char *text, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_digit(text[i])) {
            digits++;
        } else if (text[i] != ' ' && text[i] != '-') {
            return 0;
        }
    }
    return digits >= CODE_LEAST && digits <= CODE_MOST;
}

int secret_value(enum secret_class class, const char *text, size_t len)
{
    switch (class) {
    case SECRET_ALWAYS:
        return 1;
    case SECRET_CODE:
        return is_digit_code(text, len) || is_token(text, len);
    case SECRET_TOKEN:
    case SECRET_LOGIN:
        return is_token(text, len);
    default:
        return 0;
    }
}

int secret_number(enum secret_class class, int64_t number)
{
    static const int64_t least_code = 100, least_token = 1000;
    switch (class) {
    case SECRET_ALWAYS:
        return 1;
    case SECRET_CODE:
        return number >= least_code;
    case SECRET_TOKEN:
    case SECRET_LOGIN:
        return number >= least_token;
    default:
        return 0;
    }
}
