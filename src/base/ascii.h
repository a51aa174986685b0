/* Classes of ASCII characters, independent of the locale. Bytes from 128 on belong to none. */
#ifndef ASCII_H
#define ASCII_H

static inline int is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline int is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
