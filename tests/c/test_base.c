#include "testing.h"

#include "alloc.h"
#include "bytes.h"
#include "json_out.h"
#include "keyed_hash.h"
#include "map.h"
#include "open_sessions.h"
#include "siphash.h"
#include "trace_context.h"
#include "utf8.h"

/* Under the key 0 the hashes are those that CPython has with PYTHONHASHSEED=0. */
static void siphash_depends_on_the_key_and_on_each_byte(void **state)
{
    (void)state;
    const struct siphash_key zero = {0, 0}, other = {0, 1};
    assert_true(siphash(&zero, "abc", 3) == UINT64_C(0xc03bc3a0042630f2));
    assert_true(siphash(&zero, "12345678", 8) == UINT64_C(0x3489982430560a87));
    assert_true(siphash(&zero, "0123456789abcdefg", 17) == UINT64_C(0x3323a4f8b8d9776b));
    assert_true(siphash(&zero, "abc", 3) != siphash(&other, "abc", 3));
}

/* The examples are worked out by hand: 2^63 * 6 = 3 * 2^64, and (2 + 1) * (3 + 4) = 21. */
static void a_keyed_hash_depends_on_the_key_and_on_each_byte(void **state)
{
    (void)state;
    static struct hash_key key;
    uint8_t text[HASH_MOST] = {[7] = 0x80, [8] = 6, [16] = 2, [24] = 3};
    struct hash128 hash = keyed_hash(&key, text, 16);
    assert_true(hash.low == 0 && hash.high == 3);
    key.words[2] = 1;
    key.words[3] = 4;
    hash = keyed_hash(&key, text, 32);
    assert_true(hash.low == 21 && hash.high == 3);

    for (size_t i = 0; i < HASH_MOST / 8; i++) {
        key.words[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (size_t n = HASH_LEAST; n <= HASH_MOST; n = n < 50 ? n + 1 : n * 2 - 1) {
        hash = keyed_hash(&key, text, n);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            struct hash128 other = keyed_hash(&key, text, n);
            assert_true(other.low != hash.low || other.high != hash.high);
            text[i] ^= 1;
        }
    }
    hash = keyed_hash(&key, text, HASH_MOST);
    key.words[HASH_MOST / 8 - 1] ^= 1;
    assert_true(keyed_hash(&key, text, HASH_MOST).low != hash.low);
}

static void varints_round_trip(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t bytes[VARINT_MAX];
        size_t n = (size_t)(put_varint(bytes, values[i]) - bytes);
        struct bytes_in in = bytes_in_of(bytes, n);
        assert_true(bytes_varint(&in) == values[i]);
        assert_int_equal(bytes_left(&in), 0);
        in = bytes_in_of(bytes, n - 1);
        (void)bytes_varint(&in);
        assert_true(in.bad);
        assert_true(unzigzag(zigzag((int64_t)values[i])) == (int64_t)values[i]);
    }
    const uint8_t endless[11] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    struct bytes_in in = bytes_in_of(endless, sizeof endless);
    assert_int_equal(bytes_varint(&in), 0);
    assert_true(in.bad);
    const uint8_t of_65_bits[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    in = bytes_in_of(of_65_bits, sizeof of_65_bits);
    assert_int_equal(bytes_varint(&in), 0);
    assert_true(in.bad);
    in = bytes_in_of(NULL, 0);
    assert_int_equal(bytes_left(&in), 0);
}

static void map_keeps_what_is_put(void **state)
{
    (void)state;
    struct u64map map = {0};
    for (uint64_t i = 1; i <= 5000; i++) {
        assert_int_equal(u64map_put(&map, i * 4096, i), 0);
    }
    for (uint64_t i = 1; i <= 5000; i += 2) {
        uint64_t value = 0;
        assert_true(u64map_remove(&map, i * 4096, &value));
        assert_true(value == i);
        assert_false(u64map_remove(&map, i * 4096, NULL));
    }
    for (uint64_t i = 1; i <= 5000; i++) {
        const uint64_t *value = u64map_get(&map, i * 4096);
        assert_true(i % 2 ? value == NULL : value != NULL && *value == i);
    }
    assert_int_equal(map.count, 2500);
    assert_int_equal(u64map_put(&map, 2 * 4096, 77), 0);
    assert_int_equal(*u64map_get(&map, 2 * 4096), 77);
    assert_int_equal(map.count, 2500);
    u64map_fini(&map);
}

static void strings_are_compared_by_content(void **state)
{
    (void)state;
    struct strmap map = {0};
    char key[16];
    for (uint32_t i = 0; i < 1000; i++) {
        int n = snprintf(key, sizeof key, "name%u", i);
        assert_int_equal(strmap_put(&map, key, (size_t)n, i), 0);
    }
    assert_int_equal(*strmap_get(&map, "name77", 6), 77);
    assert_null(strmap_get(&map, "name77", 5 + 0 - 5));
    assert_int_equal(strmap_put(&map, "", 0, 5), 0);
    assert_int_equal(*strmap_get(&map, "", 0), 5);
    strmap_fini(&map);
}

static void cuts_fall_on_characters(void **state)
{
    (void)state;
    const uint8_t text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < 12; max++) {
        assert_int_equal(utf8_cut(text, 10, max), want[max]);
    }
    uint8_t surrogate[4];
    uint32_t point = 0;
    size_t n = (size_t)(utf8_put(surrogate, 0xd800) - surrogate);
    assert_int_equal(utf8_get(surrogate, n, &point), 3);
    assert_int_equal(point, 0xd800);
    assert_int_equal(utf8_get((const uint8_t *)"\xc0\x80", 2, &point), 0);
    assert_int_equal(utf8_get((const uint8_t *)"\xf5\x80\x80\x80", 4, &point), 0);
}

static void json_escapes(void **state)
{
    (void)state;
    struct json_out json = {{0}, 0};
    json_open(&json, '{');
    json_key(&json, "a");
    json_string(&json, "\"\\\n\x01\xc3\xa9\xf0\x9f\x98\x80\xff", 11);
    json_key(&json, "b");
    json_open(&json, '[');
    json_u64(&json, UINT64_MAX);
    json_null(&json);
    json_bool(&json, 1);
    json_close(&json, ']');
    json_close(&json, '}');
    bytes_put(&json.out, "", 1);
    assert_string_equal((const char *)json.out.data,
                        "{\"a\":\"\\\"\\\\\\n\\u0001\\u00e9\\ud83d\\ude00\\ufffd\","
                        "\"b\":[18446744073709551615,null,true]}");
    json_fini(&json);
}

static void json_goes_back_to_a_mark(void **state)
{
    (void)state;
    struct json_out json = {{0}, 0};
    json_open(&json, '{');
    json_key(&json, "a");
    struct json_mark mark = json_mark(&json);
    json_open(&json, '[');
    json_u64(&json, 1);
    json_rollback(&json, mark);
    json_null(&json);
    json_close(&json, '}');
    bytes_put(&json.out, "", 1);
    assert_string_equal((const char *)json.out.data, "{\"a\":null}");
    json_fini(&json);
}

static void allocation_sizes_are_checked(void **state)
{
    (void)state;
    void *items = NULL;
    size_t capacity = 0;
    assert_null(rl_alloc(SIZE_MAX, 2));
    assert_null(rl_alloc(SIZE_MAX / 2 + 1, 2)); /* the product wraps to 0 */
    assert_int_equal(rl_grow(&items, &capacity, SIZE_MAX / 2, 16), -1);
    rl_alloc_fail_at(1, 0);
    assert_null(rl_alloc(1, 1));
    void *memory = rl_alloc(1, 1);
    assert_non_null(memory);
    assert_int_equal(rl_alloc_fail_at(0, 0), 2);
    rl_free(memory);
}

static void traceparents_are_read_strictly(void **state)
{
    (void)state;
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char later[] = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
    struct trace_parent parent;
    assert_true(trace_parent_read(good, sizeof good - 1, &parent));
    char digits[2 * TRACE_BYTES];
    trace_digits(parent.trace_id, TRACE_BYTES, digits);
    assert_memory_equal(digits, good + 3, sizeof digits);
    trace_digits(parent.span_id, SPAN_BYTES, digits);
    assert_memory_equal(digits, good + 36, 2 * SPAN_BYTES);
    assert_true(trace_parent_read(later, sizeof later - 1, &parent));
    for (size_t n = 0; n < sizeof good - 1; n++) {
        assert_false(trace_parent_read(good, n, &parent)); /* cut anywhere */
    }
    for (size_t i = 0; i < sizeof good - 1; i++) {
        char wrong[sizeof good];
        memcpy(wrong, good, sizeof good);
        wrong[i] = 'G';
        assert_false(trace_parent_read(wrong, sizeof good - 1, &parent));
    }
}

static void ids_differ(void **state)
{
    (void)state;
    struct trace_ids one, other;
    uint8_t ids[64][TRACE_BYTES];
    static const uint8_t zeros[SPAN_BYTES];
    trace_ids_init(&one);
    trace_ids_init(&other);
    for (size_t i = 0; i < 64; i++) {
        trace_ids_next(i % 2 != 0 ? &one : &other, ids[i], TRACE_BYTES);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(ids[i], ids[k], TRACE_BYTES);
        }
    }
    other = (struct trace_ids){{0, 0, 0, 1}}; /* its first word is 0 */
    trace_ids_next(&other, ids[0], SPAN_BYTES);
    assert_memory_not_equal(ids[0], zeros, SPAN_BYTES);
}

/* ---- sessions that are open ---- */

static uint32_t begin_one(struct open_sessions *all, uint32_t *forgotten)
{
    struct open_session *one = open_sessions_add(all, forgotten);
    assert_non_null(one);
    one->key[0] = (uint8_t)one->number;
    return one->number;
}

static void sessions_that_never_end_are_kept_up_to_a_bound(void **state)
{
    (void)state;
    struct open_sessions all = {.numbers = 1 << 26};
    uint32_t forgotten = 0;
    for (uint32_t i = 1; i <= 3 * OPEN_SESSIONS_MOST; i++) {
        assert_int_equal(begin_one(&all, &forgotten), i);
        assert_int_equal(forgotten, i > OPEN_SESSIONS_MOST ? i - OPEN_SESSIONS_MOST : 0);
    }
    assert_int_equal(all.count, OPEN_SESSIONS_MOST);
    assert_true(open_sessions_bytes(&all) <= 52 * OPEN_SESSIONS_MOST);
    assert_null(open_sessions_get(&all, 2 * OPEN_SESSIONS_MOST));
    for (uint32_t place = 0, n = 2 * OPEN_SESSIONS_MOST + 1; n <= 3 * OPEN_SESSIONS_MOST; n++) {
        assert_int_equal(open_sessions_get(&all, n)->key[0], (uint8_t)n);
        assert_int_equal(open_sessions_next(&all, &place)->number, n);
    }
    for (uint32_t n = 1; n <= 3 * OPEN_SESSIONS_MOST; n++) {
        open_sessions_end(&all, n);
    }
    assert_int_equal(all.count, 0);
    assert_int_equal(open_sessions_bytes(&all), 0);
}

/* Against an array of flags, with numbers that begin again. */
static void sessions_end_in_any_order(void **state)
{
    (void)state;
    enum { NUMBERS = 97 };
    struct open_sessions all = {.numbers = NUMBERS};
    uint8_t is_open[NUMBERS + 1] = {0};
    uint32_t random = 1, count = 0, forgotten = 0, place;
    for (int round = 0; round < 20000; round++) {
        random = random * 1103515245 + 12345;
        uint32_t number = 1 + (random >> 8) % NUMBERS;
        if ((random >> 24) % 5 < 2) {
            open_sessions_end(&all, number);
        } else {
            number = begin_one(&all, &forgotten);
            assert_int_equal(forgotten, is_open[number] ? number : 0);
        }
        uint8_t begins = (random >> 24) % 5 >= 2;
        count = count - is_open[number] + begins;
        is_open[number] = begins;
        assert_int_equal(all.count, count);
        for (uint32_t n = 0; n <= NUMBERS + 1; n++) {
            const struct open_session *found = open_sessions_get(&all, n);
            assert_int_equal(found != NULL, n <= NUMBERS && is_open[n]);
            assert_true(found == NULL || found->key[0] == (uint8_t)n);
        }
        for (place = 0; open_sessions_next(&all, &place) != NULL;) {
            assert_true(count-- > 0);
        }
        count = all.count;
    }
    rl_free(all.items);
}

static void a_session_without_memory_is_none(void **state)
{
    (void)state;
    struct open_sessions all = {.numbers = 100};
    uint32_t forgotten;
    rl_alloc_fail_at(1, 1);
    assert_null(open_sessions_add(&all, &forgotten));
    rl_alloc_fail_at(0, 0);
    assert_int_equal(begin_one(&all, &forgotten), 1);
    rl_free(all.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_depends_on_the_key_and_on_each_byte),
        cmocka_unit_test(a_keyed_hash_depends_on_the_key_and_on_each_byte),
        cmocka_unit_test(varints_round_trip),
        cmocka_unit_test(map_keeps_what_is_put),
        cmocka_unit_test(strings_are_compared_by_content),
        cmocka_unit_test(cuts_fall_on_characters),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(json_goes_back_to_a_mark),
        cmocka_unit_test(allocation_sizes_are_checked),
        cmocka_unit_test(traceparents_are_read_strictly),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(sessions_that_never_end_are_kept_up_to_a_bound),
        cmocka_unit_test(sessions_end_in_any_order),
        cmocka_unit_test(a_session_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
