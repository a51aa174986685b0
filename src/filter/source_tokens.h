/* The tokens of a Python source text, as far as redaction needs them. Any bytes have tokens: what
 * is no Python is divided all the same, and every call moves forward.
 *
 * Threads: pure functions of their arguments. */
#ifndef SOURCE_TOKENS_H
#define SOURCE_TOKENS_H

#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NAME, /* keywords too */
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_COMMENT,
    TOKEN_NEWLINE, /* inside brackets too */
    TOKEN_SIGN
};

struct token {
    enum token_kind kind;
    size_t begin, end;
    size_t inner, inner_end; /* TOKEN_STRING: without prefix and quotes; otherwise the whole */
    char sign; /* the byte itself, but '=' for all assignments and '~' for == and != */
};

struct source_tokens {
    const char *text;
    size_t len, at;
};

/* Returns the next token. */
struct token source_next(struct source_tokens *tokens);

#endif
