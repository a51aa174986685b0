/* Why: the words of secret_names.c, and a table that finds them. The lists are data to extend; the
 * code below them is the table alone.
 *
 *    name  --  first letter, length, last letters  ->  endings[], tail_ends[]   rejects most words
 *    word  --  FNV-1a hash                         ->  table[]                  bits of the word
 *
 * Invariants: table[] is at most half full and never changes after fill_words(). A word may be in
 * several lists; its bits add up. */
#include "secret_words.h"

#include <stdint.h>
#include <string.h>

#define LIST(name) static const char *const name[]

LIST(always) = {
    "password", "passwd", "pwd", "passphrase", "passcode", "secret", "credential", "cred", "bearer",
    "ssn", "iban", "jwt", "apikey", "authorization", "oauth", "psk", "mnemonic", "xsrf", "csrf",
    "passwrd", "pword", "psw", "pw", "passkey", "privkey", "phpsessid", "jsessionid", "creditcard",
    "cardnumber", "cardno", "cardnum", "ccnumber", "ccnum", "seedphrase", "userpass", "dbpass",
    "passhash",
    /* "password" in de, es, pt, fr, nl, sv, no, da, fi, pl, cs, hu, it, tr, hr, id and others */
    "passwort", "kennwort", "contrasena", "contraseña", "senha", "mdp", "motdepasse", "wachtwoord",
    "lösenord", "losenord", "passord", "adgangskode", "kodeord", "salasana", "hasło", "haslo",
    "heslo", "jelszó", "jelszo", "parola", "şifre", "sifre", "lozinka", "sandi", "пароль", "Пароль",
    "ПАРОЛЬ", "пароля", "密码", "密碼", "口令", "パスワード", "비밀번호", "סיסמה", "κωδικός", NULL};
LIST(codes) = {"otp", "totp", "hotp", "mfa", "tfa", "cvv", "cvc", "pincode", "otpcode", NULL};
LIST(by_value) = {"token",  "tok", "pass", "auth", "cookie",  "session", "sessionid",
                  "sessid", "sid", "pin",  "pan",  "cookies", NULL};
/* Words before "key". */
LIST(of_key) = {"api",          "private",  "priv",        "secret",    "ssh",        "access",
                "auth",         "signing",  "encryption",  "encrypt",   "decryption", "crypt",
                "master",       "client",   "shared",      "preshared", "service",    "session",
                "hmac",         "aes",      "rsa",         "dsa",       "ecdsa",      "gpg",
                "pgp",          "deploy",   "license",     "account",   "tls",        "ssl",
                "storage",      "consumer", "fernet",      "stripe",    "openai",     "anthropic",
                "google",       "azure",    "aws",         "sendgrid",  "twilio",     "mailgun",
                "subscription", "webhook",  "certificate", "jwt",       "admin",      "wallet",
                "recovery",     NULL};
/* Words before "token" and "pass" that make them a secret. */
LIST(of_token) = {
    "access",       "auth",         "api",      "id",      "refresh",  "bearer",   "csrf",
    "session",      "user",         "bot",      "github",  "gitlab",   "slack",    "client",
    "app",          "security",     "reset",    "device",  "oauth",    "jwt",      "secret",
    "sas",          "stripe",       "aws",      "discord", "telegram", "google",   "azure",
    "admin",        "service",      "personal", "deploy",  "registry", "npm",      "pypi",
    "hub",          "login",        "account",  "invite",  "magic",    "db",       "root",
    "smtp",         "ftp",          "mail",     "email",   "imap",     "ldap",     "mysql",
    "postgres",     "pg",           "redis",    "mongo",   "amqp",     "my",       "old",
    "new",          "http",         "proxy",    "sudo",    "wifi",     "keystore", "sql",
    "verification", "confirmation", "web",      NULL};
/* Words before "token" that make it harmless: a parser's, a page's, a model's. */
LIST(not_token) = {"next",  "last",         "prev",         "previous", "current", "cur",
                   "page",  "max",          "min",          "num",      "n",       "per",
                   "eos",   "bos",          "eof",          "pad",      "unk",     "stop",
                   "sep",   "cls",          "mask",         "first",    "end",     "start",
                   "peek",  "cancellation", "continuation", "special",  "word",    "sub",
                   "vocab", "lexer",        "delimiter",    "sync",     "bad",     NULL};
LIST(carriers) = {"value", "header", "string",  "str",     "bytes", "hash", "b",    "raw",
                  "text",  "data",   "code",    "plain",   "env",   "var",  "key",  "id",
                  "old",   "new",    "a",       "c",       "x",     "y",    "temp", "tmp",
                  "copy",  "digest", "encoded", "decoded", "hex",   "base", "arg",  "param",
                  "field", "in",     "out",     NULL};
/* Last words of names that are only about a secret. */
LIST(policies) = {
    "length",     "len",       "size",       "min",       "max",         "count",      "total",
    "index",      "idx",       "position",   "pos",       "policy",      "policies",   "rule",
    "hasher",     "validator", "checker",    "generator", "encoder",     "iterations", "rounds",
    "attempts",   "tries",     "retries",    "limit",     "ttl",         "timeout",    "lifetime",
    "expiry",     "expires",   "expiration", "expire",    "expired",     "date",       "time",
    "at",         "since",     "until",      "created",   "updated",     "modified",   "changed",
    "rotated",    "days",      "seconds",    "minutes",   "hours",       "interval",   "period",
    "age",        "version",   "type",       "kind",      "mode",        "scheme",     "format",
    "encoding",   "algorithm", "alg",        "algo",      "level",       "strength",   "score",
    "required",   "optional",  "enabled",    "disabled",  "allowed",     "exempt",     "visible",
    "visibility", "verified",  "valid",      "validity",  "protected",   "supported",  "available",
    "exists",     "present",   "missing",    "empty",     "status",      "state",      "name",
    "path",       "dir",       "directory",  "folder",    "file",        "filename",   "url",
    "uri",        "endpoint",  "host",       "domain",    "samesite",    "secure",     "httponly",
    "scope",      "issuer",    "audience",   "realm",     "santa",       "error",      "label",
    "hint",       "help",      "prompt",     "title",     "placeholder", "regex",      "pattern",
    "charset",    "backend",   "callback",   "handler",   "middleware",  "view",       "manager",
    "provider",   "method",    "strategy",   NULL};
LIST(phrases) = {"credit", "card",     "cc",  "social",  "seed",         "recovery",
                 "backup", "security", "mot", "private", "verification", "confirmation",
                 "unlock", "account",  "mat", "pass",    "auth",         "one",
                 "sms",    "login",    NULL};
/* Ends of words that are written as one: dbpassword, clientsecret, passhash, masterkey. */
LIST(tails_of_any) = {"password", "passwd", "passphrase", "passcode",
                      "passwort", "secret", "oauth",      NULL};
LIST(tails) = {"pwd", "token", "key", "pass", "pw", "credential", "cookie", "jwt", "hash", NULL};

enum { SLOTS = 1024, LONGEST = 24 };

static struct slot {
    const char *word;
    unsigned is;
} table[SLOTS];

/* By first letter and length: bits of the last letters that words with a meaning have. */
static uint32_t endings[26][LONGEST];
/* By last letter: bits of the letters before it, in the tails. */
static uint32_t tail_ends[26];

/* Returns the slot of a word, or the free slot where it would be. */
static size_t find_word_slot(const char *word, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)word[i]) * 16777619u;
    }
    size_t at = (hash ^ hash >> 15) % SLOTS;
    while (table[at].word != NULL &&
           (strncmp(table[at].word, word, len) != 0 || table[at].word[len] != 0)) {
        at = (at + 1) % SLOTS;
    }
    return at;
}

/* Returns 0 to 25 for a letter in any case, and more for all other characters. */
static unsigned letter_index(char c)
{
    return (unsigned)(unsigned char)(c | 32) - 'a';
}

static void add_words(const char *const *list, unsigned bit)
{
    const unsigned asks = WORD_ALWAYS | WORD_CODE | WORD_BY_VALUE | WORD_PHRASE;
    for (; *list != NULL; list++) {
        const char *word = *list;
        size_t len = strlen(word);
        struct slot *slot = &table[find_word_slot(word, len)];
        slot->word = word;
        slot->is |= bit;
        if (letter_index(word[0]) >= 26 || letter_index(word[len - 1]) >= 26) {
            continue;
        }
        if ((bit & asks) != 0) {
            endings[letter_index(word[0])][len] |= 1u << letter_index(word[len - 1]);
            endings[letter_index(word[0])][len + 1] |= 1u << letter_index('s'); /* its plural */
        }
        if ((bit & (WORD_TAIL | WORD_TAIL_ANY)) != 0) {
            tail_ends[letter_index(word[len - 1])] |= 1u << letter_index(word[len - 2]);
            tail_ends[letter_index('s')] |= 1u << letter_index(word[len - 1]);
        }
    }
}

static void fill_words(void)
{
    static const char *const keys[] = {"key", NULL};
    add_words(always, WORD_ALWAYS);
    add_words(codes, WORD_CODE);
    add_words(by_value, WORD_BY_VALUE);
    add_words(of_key, WORD_KEY);
    add_words(of_token, WORD_OF_TOKEN);
    add_words(not_token, WORD_NOT_TOKEN);
    add_words(carriers, WORD_CARRIER);
    add_words(policies, WORD_POLICY);
    add_words(phrases, WORD_PHRASE);
    add_words(tails, WORD_TAIL);
    add_words(tails_of_any, WORD_TAIL | WORD_TAIL_ANY);
    add_words(keys, WORD_PHRASE); /* the word before "key" decides */
}

unsigned secret_word(const char *word, size_t len)
{
    unsigned is = table[find_word_slot(word, len)].is;
    if (is == 0 && len > 2 && word[len - 1] == 's') {
        is = table[find_word_slot(word, len - 1)].is;
        return (is & WORD_BY_VALUE) != 0 ? 0 : is; /* "tokens" are mostly those of a text */
    }
    return is;
}

size_t secret_word_tail(const char *word, size_t len)
{
    size_t plural = len > 4 && word[len - 1] == 's' && word[len - 2] != 's';
    for (size_t at = 1; at + 2 <= len - plural; at++) {
        unsigned tail = table[find_word_slot(word + at, len - plural - at)].is;
        if ((tail & WORD_TAIL_ANY) != 0 ||
            ((tail & WORD_TAIL) != 0 && secret_word(word, at) != 0)) {
            return at;
        }
    }
    return 0;
}

int secret_word_may_be(char first, char before_last, char last, size_t len)
{
    if (endings['p' - 'a'][8] == 0) {
        fill_words();
    }
    unsigned begin = letter_index(first), end = letter_index(last),
             before = letter_index(before_last);
    if (begin >= 26 || end >= 26) {
        return ((first | last) & 0x80) != 0;
    }
    return (len < LONGEST && (endings[begin][len] >> end & 1) != 0) ||
           (len > 4 && before < 26 && (tail_ends[end] >> before & 1) != 0);
}
