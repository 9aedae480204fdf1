/* native_row_test.c - ids of rows: written, read back, refused. */
#include "base/err.h"
#include "base/test.h"
#include "serve/native_row.h"

TEST(native_ids_read_back_whatever_their_place)
{
    static const struct query_place places[] = {
        {0, 0}, {1795210200123456789, 0x300001}, {-1, UINT64_MAX}, {INT64_MIN, 1}, {INT64_MAX, 1},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct query_place found = {7, 7};
        struct bole_err err;
        struct buf b;
        buf_init(&b, NULL);
        native_put_id(&b, places[i]);
        CHECK_OK(native_parse_id(bole_slice_from(b.ptr + 1, b.len - 2), &found, &err), err);
        CHECK_EQ_I64(found.time_ns, places[i].time_ns);
        CHECK_EQ_U64(found.seq, places[i].seq);
        buf_deinit(&b);
    }
}

TEST(native_ids_that_are_none_are_refused)
{
    static const char *const texts[] = {
        "", "-", "1", "1-1", "-0000000000000001", "1-000000000000001", "1-00000000000000001", "1-000000000000000G",
        "1-000000000000000A", "9223372036854775808-0000000000000001", "-9223372036854775809-0000000000000001",
        "1_0000000000000001", "--1-0000000000000001", "1x-0000000000000001", " 1-0000000000000001", "1-0000000000000001 ",
        "123456789012345678901234567890-0000000000000001",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct query_place found;
        struct bole_err err;
        CHECK_EQ_STATUS(native_parse_id(bole_slice_str(texts[i]), &found, &err), BOLE_E_INVALID);
    }
}
