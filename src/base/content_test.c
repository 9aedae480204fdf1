#include "base/content.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "base/test.h"

/* ---- encoders ---- */

static void put_zlib(struct buf *out, bole_slice in, int window_bits)
{
    z_stream z = {0};
    CHECK_EQ_I64(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, in.len);
    CHECK(buf_reserve(out, bound));
    z.next_in = (Bytef *)in.ptr;
    z.avail_in = (uInt)in.len;
    z.next_out = out->ptr + out->len;
    z.avail_out = (uInt)bound;
    CHECK_EQ_I64(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void put_zstd(struct buf *out, bole_slice in)
{
    size_t bound = ZSTD_compressBound(in.len);
    CHECK(buf_reserve(out, bound));
    out->len += ZSTD_compress(out->ptr + out->len, bound, in.ptr, in.len, 3);
}

static void put_snappy_block(struct buf *out, bole_slice in)
{
    size_t len = snappy_max_compressed_length(in.len);
    CHECK(buf_reserve(out, len + 1));
    CHECK_EQ_I64(snappy_compress((const char *)in.ptr, in.len, (char *)out->ptr + out->len, &len), SNAPPY_OK);
    out->len += len;
}

static void put_snappy_frames(struct buf *out, bole_slice in)
{
    buf_put(out, S("\xff\x06\x00\x00sNaPpY"));
    buf_put(out, S("\xfe\x02\x00\x00pp")); /* padding */
    for (unsigned i = 0; in.len; i++) {
        bole_slice part = {in.ptr, in.len < 65536 ? in.len : 65536};
        struct buf data;
        buf_init(&data, NULL);
        if (i % 2)
            buf_put(&data, part);
        else
            put_snappy_block(&data, part);
        uint32_t crc = crc32c(0, part.ptr, part.len);
        buf_put_u8(out, i % 2);
        buf_put_u8(out, (uint8_t)(data.len + 4));
        buf_put_u8(out, (uint8_t)((data.len + 4) >> 8));
        buf_put_u8(out, (uint8_t)((data.len + 4) >> 16));
        buf_put_u32(out, (crc >> 15 | crc << 17) + 0xa282ead8u);
        buf_put(out, buf_slice(&data));
        buf_deinit(&data);
        in = bole_slice_sub(in, part.len);
    }
}

enum form { FORM_GZIP, FORM_ZLIB, FORM_RAW_DEFLATE, FORM_ZSTD, FORM_SNAPPY_BLOCK, FORM_SNAPPY_FRAMES, FORM_COUNT };
static const enum content_coding coding_of[FORM_COUNT] = {CONTENT_GZIP, CONTENT_DEFLATE, CONTENT_DEFLATE, CONTENT_ZSTD,
                                                          CONTENT_SNAPPY, CONTENT_SNAPPY};

static void encode(enum form form, struct buf *out, bole_slice in)
{
    buf_init(out, NULL);
    switch (form) {
    case FORM_GZIP: put_zlib(out, in, 31); break;
    case FORM_ZLIB: put_zlib(out, in, 15); break;
    case FORM_RAW_DEFLATE: put_zlib(out, in, -15); break;
    case FORM_ZSTD: put_zstd(out, in); break;
    case FORM_SNAPPY_BLOCK: put_snappy_block(out, in); break;
    default: put_snappy_frames(out, in); break;
    }
}

/* ---- tests ---- */

TEST(content_names_its_codings)
{
    CHECK_EQ_I64(content_coding_of(S("GZip")), CONTENT_GZIP);
    CHECK_EQ_I64(content_coding_of(S("x-gzip")), CONTENT_GZIP);
    CHECK_EQ_I64(content_coding_of(S("identity")), CONTENT_IDENTITY);
    CHECK_EQ_I64(content_coding_of(S("gzip, gzip")), CONTENT_UNKNOWN);
    CHECK_EQ_I64(content_coding_of(S("gzip,")), CONTENT_UNKNOWN);
    CHECK_EQ_I64(content_coding_of(S("")), CONTENT_UNKNOWN);
    CHECK_EQ_I64(content_coding_of(S("br")), CONTENT_UNKNOWN);
}

TEST(content_decodes_every_form)
{
    static const size_t sizes[] = {1, 100, 65536, 65537, 300000};
    struct random random;
    random_seed(&random, 7);
    for (int form = 0; form < FORM_COUNT; form++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint8_t *plain = malloc(sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                plain[k] = (uint8_t)("abcdefgh"[random_below(&random, 8)]);
            struct buf packed, out;
            struct bole_err err;
            encode((enum form)form, &packed, (bole_slice){plain, sizes[i]});
            buf_init(&out, NULL);
            CHECK_OK(content_decode(coding_of[form], buf_slice(&packed), sizes[i], &out, &err), err);
            CHECK_EQ_SLICE(buf_slice(&out), bole_slice_from(plain, sizes[i]));
            buf_reset(&out); /* one byte less is too little */
            CHECK_EQ_STATUS(content_decode(coding_of[form], buf_slice(&packed), sizes[i] - 1, &out, &err), BOLE_E_LIMIT);
            buf_deinit(&packed);
            buf_deinit(&out);
            free(plain);
        }
}

TEST(content_cuts_bombs_at_the_cap)
{
    enum { BOMB = 64 << 20, CAP = 1 << 20 };
    uint8_t *zeros = calloc(1, BOMB);
    for (int form = 0; form < FORM_COUNT; form++) {
        struct buf packed, out;
        struct budget budget;
        struct bole_err err;
        encode((enum form)form, &packed, (bole_slice){zeros, BOMB});
        CHECK(packed.len < BOMB / 1.5);
        budget_init(&budget, NULL, 4 * CAP + 2 * packed.len);
        buf_init(&out, &budget);
        CHECK_EQ_STATUS(content_decode(coding_of[form], buf_slice(&packed), CAP, &out, &err), BOLE_E_LIMIT);
        buf_deinit(&out);
        buf_deinit(&packed);
    }
    free(zeros);
}

/* Every cut and every damaged byte gives an answer, never a crash; a cut is always noticed. */
TEST(content_notices_cuts_and_survives_damage)
{
    bole_slice plain = S("{\"streams\":[{\"stream\":{\"app\":\"x\"},\"values\":[[\"1\",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]]}]}");
    for (int form = 0; form < FORM_COUNT; form++) {
        struct buf packed, out;
        struct bole_err err;
        encode((enum form)form, &packed, plain);
        for (size_t i = 0; i < packed.len; i++) {
            buf_init(&out, NULL);
            bole_status st = content_decode(coding_of[form], (bole_slice){packed.ptr, i}, 1 << 20, &out, &err);
            /* The framing format has no end mark: a cut between two chunks is a shorter body. */
            bool between_chunks = form == FORM_SNAPPY_FRAMES && (i == 10 || i == 16);
            CHECK_EQ_STATUS(st, between_chunks ? BOLE_OK : BOLE_E_INVALID);
            buf_deinit(&out);
            for (int bit = 0; bit < 8; bit++) {
                packed.ptr[i] ^= (uint8_t)(1 << bit);
                buf_init(&out, NULL);
                st = content_decode(coding_of[form], buf_slice(&packed), 1 << 20, &out, &err);
                CHECK(st == BOLE_OK || st == BOLE_E_INVALID || st == BOLE_E_LIMIT);
                CHECK(out.len <= (1 << 20) + 1);
                buf_deinit(&out);
                packed.ptr[i] ^= (uint8_t)(1 << bit);
            }
        }
        buf_deinit(&packed);
    }
}

TEST(content_joins_gzip_members_and_zstd_frames_but_nothing_else)
{
    struct buf packed, out;
    struct bole_err err;
    encode(FORM_GZIP, &packed, S("one "));
    put_zlib(&packed, S("two"), 31);
    buf_init(&out, NULL);
    CHECK_OK(content_decode(CONTENT_GZIP, buf_slice(&packed), 100, &out, &err), err);
    CHECK_EQ_SLICE(buf_slice(&out), S("one two"));
    buf_put_str(&packed, "garbage");
    CHECK_EQ_STATUS(content_decode(CONTENT_GZIP, buf_slice(&packed), 100, &out, &err), BOLE_E_INVALID);
    buf_deinit(&packed);

    encode(FORM_ZSTD, &packed, S("one "));
    put_zstd(&packed, S("two"));
    buf_reset(&out);
    CHECK_OK(content_decode(CONTENT_ZSTD, buf_slice(&packed), 100, &out, &err), err);
    CHECK_EQ_SLICE(buf_slice(&out), S("one two"));
    buf_deinit(&packed);

    encode(FORM_ZLIB, &packed, S("one"));
    buf_put_str(&packed, "garbage");
    CHECK_EQ_STATUS(content_decode(CONTENT_DEFLATE, buf_slice(&packed), 100, &out, &err), BOLE_E_INVALID);
    buf_deinit(&packed);
    buf_deinit(&out);
}

/* Blocks of zstd that say in four bytes that 128 KiB are blanks. */
TEST(content_refuses_what_becomes_a_thousand_times_larger)
{
    static const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x50}, block[] = {2, 0, 0x10, ' '}, last[] = {3, 0, 0x10, ' '};
    struct buf packed, out;
    struct bole_err err;
    for (size_t blocks = 8; blocks <= 9; blocks++) {
        buf_init(&packed, NULL);
        buf_init(&out, NULL);
        buf_put(&packed, bole_slice_from(head, sizeof head));
        for (size_t i = 1; i < blocks; i++)
            buf_put(&packed, bole_slice_from(block, sizeof block));
        buf_put(&packed, bole_slice_from(last, sizeof last));
        CHECK_EQ_STATUS(content_decode(CONTENT_ZSTD, buf_slice(&packed), 1 << 30, &out, &err), blocks == 8 ? BOLE_OK : BOLE_E_LIMIT);
        CHECK(out.cap < 4 * CONTENT_RATIO_FREE);
        buf_deinit(&packed);
        buf_deinit(&out);
    }
}

TEST(content_refuses_lies_about_length_and_window)
{
    struct buf out;
    struct bole_err err;
    buf_init(&out, NULL);
    /* A snappy block of two bytes that announces 100 MB, and one that announces 1,000. */
    CHECK_EQ_STATUS(content_decode(CONTENT_SNAPPY, S("\x80\xc2\xd7\x2f\x00x"), 1 << 30, &out, &err), BOLE_E_LIMIT);
    CHECK_EQ_STATUS(content_decode(CONTENT_SNAPPY, S("\xe8\x07\x00x"), 1 << 30, &out, &err), BOLE_E_INVALID);
    /* A zstd frame with a window of 1 GB. */
    CHECK_EQ_STATUS(content_decode(CONTENT_ZSTD, S("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), 1 << 30, &out, &err), BOLE_E_INVALID);
    CHECK(out.cap < 1 << 20);
    CHECK_EQ_STATUS(content_decode(CONTENT_IDENTITY, S("abc"), 2, &out, &err), BOLE_E_LIMIT);
    CHECK_EQ_STATUS(content_decode(CONTENT_UNKNOWN, S("x"), 10, &out, &err), BOLE_E_UNSUPPORTED);
    buf_deinit(&out);
}

TEST(content_says_when_memory_is_short)
{
    static uint8_t plain[100000];
    for (int form = 0; form < FORM_COUNT; form++) {
        struct buf packed, out;
        struct budget budget;
        struct bole_err err;
        encode((enum form)form, &packed, (bole_slice){plain, sizeof plain});
        budget_init(&budget, NULL, 1000);
        buf_init(&out, &budget);
        CHECK_EQ_STATUS(content_decode(coding_of[form], buf_slice(&packed), sizeof plain, &out, &err), BOLE_E_NOMEM);
        buf_deinit(&packed);
        buf_deinit(&out);
    }
}

TEST(content_gzip_round_trips)
{
    struct buf packed, out;
    struct bole_err err;
    buf_init(&packed, NULL);
    buf_init(&out, NULL);
    CHECK(content_gzip(S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &packed));
    CHECK_OK(content_decode(CONTENT_GZIP, buf_slice(&packed), 100, &out, &err), err);
    CHECK_EQ_U64(out.len, 66);
    buf_deinit(&packed);
    buf_deinit(&out);
}
