#include "base/random.h"
#include "base/test.h"
#include "store/segment/seqs.h"

enum { ROWS = 3000, STREAMS = 5 };

static uint64_t seqs[ROWS], back[ROWS], next[STREAMS];
static uint32_t streams[ROWS];

static size_t round_trip(const uint32_t *of)
{
    struct buf out;
    buf_init(&out, NULL);
    seqs_put(&out, seqs, of, ROWS, next, STREAMS);
    memset(back, 0xff, sizeof back);
    CHECK(seqs_read(buf_slice(&out), of, ROWS, next, STREAMS, back));
    CHECK(memcmp(seqs, back, sizeof seqs) == 0);
    for (size_t len = 0; len < out.len; len += out.len / 16 + 1)
        CHECK(!seqs_read(bole_slice_from(out.ptr, len), of, ROWS, next, STREAMS, back));
    buf_put_u8(&out, 0);
    CHECK(!seqs_read(buf_slice(&out), of, ROWS, next, STREAMS, back));
    size_t len = out.len - 1;
    buf_deinit(&out);
    return len;
}

/* A commit group of rows stream by stream, brought in the order of their times; a stream's rows keep their order. */
static void draw_interleaved(struct random *r)
{
    uint64_t of_stream[STREAMS];
    for (unsigned s = 0; s < STREAMS; s++)
        of_stream[s] = (7ull << 20) + s * ROWS;
    for (uint32_t row = 0; row < ROWS; row++) {
        streams[row] = (uint32_t)random_below(r, STREAMS);
        seqs[row] = of_stream[streams[row]]++;
    }
}

TEST(rows_that_go_on_where_their_stream_was_cost_next_to_nothing)
{
    struct random r;
    random_seed(&r, 1);
    draw_interleaved(&r);
    CHECK(round_trip(streams) < 40);
    CHECK(round_trip(NULL) > ROWS);
}

TEST(rows_of_all_streams_in_the_order_of_arrival_cost_nothing)
{
    struct random r;
    random_seed(&r, 2);
    draw_interleaved(&r);
    for (uint32_t row = 0; row < ROWS; row++)
        seqs[row] = (1ull << 50) + row;
    CHECK(round_trip(streams) < 16);
    CHECK(round_trip(NULL) < 16);
}

/* Each stream has two rows in every commit group: every other one is as expected, but its first is a group away. */
TEST(rows_of_many_streams_are_near_to_the_row_before)
{
    enum { PUSH = 100, MANY = PUSH / 2 };
    static uint64_t next_of_many[MANY];
    struct random r;
    struct buf out;
    random_seed(&r, 5);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t stream = row * 37 % MANY, is_second = row % PUSH / MANY;
        seqs[row] = (7ull + row / PUSH) << 20 | (stream * 2 + is_second);
        streams[row] = stream;
    }
    buf_init(&out, NULL);
    seqs_put(&out, seqs, streams, ROWS, next_of_many, MANY);
    CHECK_EQ_U64(out.ptr[0], 0);
    buf_deinit(&out);
}

TEST(any_numbers_come_back)
{
    struct random r;
    random_seed(&r, 3);
    for (uint32_t row = 0; row < ROWS; row++) {
        streams[row] = (uint32_t)random_below(&r, STREAMS);
        seqs[row] = row % 7 ? random_next(&r) >> random_below(&r, 64) : row ? seqs[row - 1] + 1 : 0;
    }
    round_trip(streams);
    round_trip(NULL);
}

TEST(what_was_put_by_stream_is_refused_where_streams_are_not_known)
{
    struct random r;
    struct buf out;
    random_seed(&r, 4);
    draw_interleaved(&r);
    buf_init(&out, NULL);
    seqs_put(&out, seqs, streams, ROWS, next, STREAMS);
    CHECK(!seqs_read(buf_slice(&out), NULL, ROWS, next, STREAMS, back));
    buf_deinit(&out);
}
