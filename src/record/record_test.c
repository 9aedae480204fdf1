#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "base/test.h"
#include "record/batch.h"

static bole_slice encode_labels(struct buf *b, const char *text)
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct label *labels;
    size_t count;
    struct bole_err err;
    CHECK_OK(labels_parse(bole_slice_str(text), &arena, &labels, &count, &err), err);
    size_t from = b->len;
    CHECK_OK(labels_encode(labels, count, b, &err), err);
    arena_deinit(&arena);
    return bole_slice_from(b->ptr + from, b->len - from);
}

TEST(labels_have_one_canonical_form)
{
    struct buf a, b, out;
    buf_init(&a, NULL);
    buf_init(&b, NULL);
    buf_init(&out, NULL);
    bole_slice x = encode_labels(&a, "{job=\"x\", app=`y`,empty=\"\"}");
    bole_slice y = encode_labels(&b, "{ app = \"y\" , job=\"\\x78\", job=\"second\" }");
    CHECK_EQ_SLICE(x, y);
    CHECK(labels_valid(x));
    CHECK_EQ_SLICE(labels_find(x, S("job")), S("x"));
    CHECK(labels_find(x, S("jo")).ptr == NULL);
    CHECK_EQ_U64(labels_count(x), 2);
    labels_print(x, &out);
    CHECK_EQ_SLICE(buf_slice(&out), S("{app=\"y\", job=\"x\"}"));
    CHECK(!labels_valid(S("\1b\1x\1a\1y"))); /* not sorted */
    CHECK(!labels_valid(S("\1a\1x\1a\1y"))); /* repeated */
    CHECK(!labels_valid(S("\1a\0")));
    CHECK(!labels_valid(S("\1a\5x")));
    buf_deinit(&a);
    buf_deinit(&b);
    buf_deinit(&out);
}

TEST(bad_label_texts_are_refused_at_their_column)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "parse error at line 1, col 1: expecting {"},
        {"{", "parse error at line 1, col 2: unexpected end, expecting a label name or }"},
        {"{a=\"b\"", "parse error at line 1, col 7: unexpected end, expecting } or ,"},
        {"{a=b}", "parse error at line 1, col 4: expecting a quoted value"},
        {"{a=\"b}", "parse error at line 1, col 7: the quoted value does not end"},
        {"{a~\"b\"}", "parse error at line 1, col 3: expecting = after a label name"},
        {"{1a=\"b\"}", "parse error at line 1, col 2: expecting a label name or }"},
        {"{a=\"\\q\"}", "parse error at line 1, col 7: invalid escape in a quoted value"},
        {"{a=\"\\ud800\"}", "parse error at line 1, col 11: invalid escape in a quoted value"},
        {"{a=\"b\"} x", "parse error at line 1, col 9: unexpected text after }"},
        {"{a=\"b\" c=\"d\"}", "parse error at line 1, col 8: expecting } or ,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct label *labels;
        size_t count;
        struct bole_err err;
        CHECK_EQ_STATUS(labels_parse(bole_slice_str(cases[i].text), &arena, &labels, &count, &err), BOLE_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
        arena_deinit(&arena);
    }
}

TEST(label_names_are_cleaned_as_loki_does)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"plain_1", "plain_1"}, {"dotted.key", "dotted_key"}, {"dash-key", "dash_key"}, {"9digit", "_9digit"},
                 {"\xc3\xbcn\xc3\xaf", "_n_"}, {"a\xff\xff", "a__"}};
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ_SLICE(label_name_clean(bole_slice_str(cases[i].in), &arena), bole_slice_str(cases[i].out));
    arena_deinit(&arena);
}

TEST(names_of_metadata_are_cleaned_as_loki_does)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"plain_1", "plain_1"}, {"_x", "_x"}, {"a.b", "a_b"}, {"a..b", "a_b"}, {"a__b", "a_b"}, {"a-_b", "a_b"}, {"__x", "_x"},
                 {"..a", "_a"}, {"a__", "a_"}, {"9a", "key_9a"}, {"9__a", "key_9_a"}, {"\xc3\xa9" "9", "_9"}, {"__9", "_9"}, {"1.2", "key_1_2"},
                 {"\xc3\xbcn\xc3\xaf", "_n_"}, {"__error__", "__error__"}, {"__9__", "__9__"}, {"__a..b__", "__a_b__"},
                 {"__.a__", "___a__"}, {"___a___", "___a___"}, {"__", "_"}, {"", ""}};
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ_SLICE(label_name_clean_metadata(bole_slice_str(cases[i].in), &arena), bole_slice_str(cases[i].out));
    arena_deinit(&arena);
}

TEST(tenants_cannot_name_paths)
{
    CHECK(tenant_valid(S("default")) && tenant_valid(S("team-a_1!*'().")));
    static const bole_slice bad[] = {S(""), S("."), S(".."), S("a/b"), S("a\\b"), S("a\0b"), S("a b"), S("\xc3\xa4")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!tenant_valid(bad[i]));
}

/* ---- batches ---- */

enum { ROWS_MAX = 3000 };

struct model_row {
    int64_t time_ns;
    uint32_t stream;
    uint8_t line[64];
    size_t line_len;
    size_t fields;
};

static const char *const stream_texts[] = {"{}", "{app=\"a\"}", "{app=\"b\", host=\"h1\"}"};

static void check_against_model(const struct batch *b, const struct model_row *model, uint32_t rows, struct buf *labels)
{
    CHECK_EQ_U64(b->row_count, rows);
    for (uint32_t i = 0; i < rows; i++) {
        CHECK_EQ_I64(b->time_ns[i], model[i].time_ns);
        CHECK_EQ_SLICE(batch_line(b, i), bole_slice_from(model[i].line, model[i].line_len));
        buf_reset(labels);
        CHECK_EQ_SLICE(b->streams[b->row_stream[i]].labels, encode_labels(labels, stream_texts[model[i].stream]));
        CHECK_EQ_SLICE(b->streams[b->row_stream[i]].tenant, S("t1"));
        CHECK_EQ_U64(b->field_end[i] - batch_field_first(b, i), model[i].fields);
        for (size_t f = 0; f < model[i].fields; f++) {
            struct batch_field field = batch_field(b, batch_field_first(b, i) + (uint32_t)f);
            CHECK_EQ_U64(field.key.len, 1);
            CHECK_EQ_U64(field.key.ptr[0], 'a' + f);
            CHECK_EQ_SLICE(field.value, bole_slice_from(model[i].line, model[i].line_len));
        }
    }
}

static uint32_t fill(struct batch_builder *builder, struct model_row *model, uint32_t rows, struct random *r,
                     struct buf *labels)
{
    struct bole_err err;
    for (uint32_t i = 0; i < rows; i++) {
        struct model_row *m = &model[i];
        m->time_ns = (int64_t)random_next(r);
        m->stream = (uint32_t)random_below(r, 3);
        m->line_len = random_below(r, sizeof m->line);
        for (size_t k = 0; k < m->line_len; k++)
            m->line[k] = (uint8_t)random_next(r); /* NUL bytes and bad UTF-8 included */
        m->fields = m->line_len ? random_below(r, 4) : 0;
        bole_slice line = {m->line, m->line_len};
        struct batch_field fields[5];
        for (size_t f = 0; f < m->fields; f++)
            fields[f] = (struct batch_field){bole_slice_from(&"abcdef"[f], 1), line};
        fields[m->fields] = (struct batch_field){S("empty"), S("")};
        buf_reset(labels);
        uint32_t stream;
        CHECK_OK(
            batch_builder_stream(builder, S("t1"), encode_labels(labels, stream_texts[m->stream]), 0, &stream, &err),
            err);
        CHECK_OK(batch_builder_add(builder, m->time_ns, stream, line, fields, m->fields + 1, &err), err);
    }
    return rows;
}

TEST(a_batch_round_trips_with_every_codec)
{
    struct random r;
    struct buf labels, out;
    buf_init(&labels, NULL);
    buf_init(&out, NULL);
    struct budget budget;
    budget_init(&budget, NULL, SIZE_MAX);
    struct model_row *model = calloc(ROWS_MAX, sizeof *model);
    struct batch_builder *builder = batch_builder_create(&budget);
    for (uint64_t seed = 1; seed < 20; seed++) {
        random_seed(&r, seed);
        uint32_t rows = fill(builder, model, 1 + (uint32_t)random_below(&r, ROWS_MAX), &r, &labels);
        struct batch *b, *again;
        struct bole_err err;
        size_t size = batch_builder_size(builder), taken;
        CHECK_OK(batch_builder_seal(builder, 77, &budget, &b, &err), err);
        CHECK_EQ_U64(b->body_size, size);
        check_against_model(b, model, rows, &labels);
        for (int codec = BATCH_PLAIN; codec <= BATCH_ZSTD; codec++) {
            buf_reset(&out);
            CHECK_OK(batch_encode(b, (enum batch_codec)codec, &out, &err), err);
            CHECK(out.len <= 1024 * 1024);
            size_t one = out.len;
            buf_put(&out, S("next"));
            CHECK_OK(batch_decode(buf_slice(&out), &budget, &again, &taken, &err), err);
            CHECK_EQ_U64(taken, one);
            CHECK_EQ_I64(again->received_ns, 77);
            check_against_model(again, model, rows, &labels);
            batch_unref(again);
        }
        batch_unref(b);
    }
    batch_builder_destroy(builder);
    CHECK_EQ_U64(budget.used_bytes, 0);
    free(model);
    buf_deinit(&labels);
    buf_deinit(&out);
}

TEST(every_flipped_bit_and_every_cut_of_a_batch_is_found)
{
    struct random r;
    random_seed(&r, 5);
    struct buf labels, out;
    buf_init(&labels, NULL);
    buf_init(&out, NULL);
    struct model_row model[20];
    struct batch_builder *builder = batch_builder_create(NULL);
    fill(builder, model, 20, &r, &labels);
    struct batch *b, *again;
    struct bole_err err;
    size_t taken;
    CHECK_OK(batch_builder_seal(builder, 0, NULL, &b, &err), err);
    CHECK_OK(batch_encode(b, BATCH_LZ4, &out, &err), err);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(batch_decode(buf_slice(&out), NULL, &again, &taken, &err) < 0);
        out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < out.len; len++)
        CHECK(batch_decode(bole_slice_from(out.ptr, len), NULL, &again, &taken, &err) < 0);
    batch_unref(b);
    batch_builder_destroy(builder);
    buf_deinit(&labels);
    buf_deinit(&out);
}

/* With the checksum made right again, the checks of the body itself must hold: random damage, never a crash (ASan). */
TEST(a_damaged_body_with_a_right_checksum_is_refused_or_harmless)
{
    struct random r;
    random_seed(&r, 6);
    struct buf labels, out;
    buf_init(&labels, NULL);
    buf_init(&out, NULL);
    struct model_row model[20];
    struct batch_builder *builder = batch_builder_create(NULL);
    fill(builder, model, 20, &r, &labels);
    struct batch *b, *again;
    struct bole_err err;
    size_t taken, refused = 0;
    CHECK_OK(batch_builder_seal(builder, 0, NULL, &b, &err), err);
    for (int round = 0; round < 20000; round++) {
        buf_reset(&out);
        CHECK_OK(batch_encode(b, BATCH_PLAIN, &out, &err), err);
        for (uint64_t n = 1 + random_below(&r, 3); n; n--)
            out.ptr[random_below(&r, out.len)] = (uint8_t)random_next(&r);
        store_u32(out.ptr + 76, crc32c(crc32c(0, out.ptr, 76), out.ptr + 80, out.len - 80));
        if (batch_decode(buf_slice(&out), NULL, &again, &taken, &err) < 0) {
            refused++;
            continue;
        }
        size_t sum = 0;
        for (uint32_t row = 0; row < again->row_count; row++)
            for (uint32_t f = batch_field_first(again, row); f < again->field_end[row]; f++)
                sum += batch_field(again, f).value.len + batch_line(again, row).len;
        CHECK(sum < 1u << 30);
        batch_unref(again);
    }
    CHECK(refused > 1000);
    batch_unref(b);
    batch_builder_destroy(builder);
    buf_deinit(&labels);
    buf_deinit(&out);
}

TEST(limits_are_named_and_a_full_batch_says_again)
{
    struct batch_builder *builder = batch_builder_create(NULL);
    struct bole_err err;
    uint32_t stream;
    CHECK_OK(batch_builder_stream(builder, S("t1"), S(""), 0, &stream, &err), err);
    uint8_t *big = calloc(1, RECORD_LINE_MAX + 1);
    CHECK_EQ_STATUS(batch_builder_add(builder, 1, stream, bole_slice_from(big, RECORD_LINE_MAX + 1), NULL, 0, &err),
                    BOLE_E_LIMIT);
    assert_string_equal(err.msg, "line of 786433 bytes, the limit is 786432");
    struct batch_field field = {S("k"), bole_slice_from(big, RECORD_FIELDS_SIZE_MAX)};
    CHECK_EQ_STATUS(batch_builder_add(builder, 1, stream, S("x"), &field, 1, &err), BOLE_E_LIMIT);
    CHECK_EQ_U64(batch_builder_rows(builder), 0);
    CHECK_OK(batch_builder_add(builder, 1, stream, bole_slice_from(big, RECORD_LINE_MAX), NULL, 0, &err), err);
    CHECK_EQ_STATUS(batch_builder_add(builder, 1, stream, bole_slice_from(big, RECORD_LINE_MAX), NULL, 0, &err),
                    BOLE_AGAIN);
    struct batch *b;
    CHECK_OK(batch_builder_seal(builder, 1, NULL, &b, &err), err);
    CHECK_EQ_STATUS(batch_builder_seal(builder, 1, NULL, &b, &err), BOLE_E_INVALID);
    batch_unref(b);
    free(big);
    batch_builder_destroy(builder);
}

TEST(rollback_takes_back_what_came_after_the_mark)
{
    struct random r;
    random_seed(&r, 9);
    struct buf labels;
    buf_init(&labels, NULL);
    struct model_row model[300], lost[300];
    struct batch_builder *builder = batch_builder_create(NULL);
    struct bole_err err;
    struct batch *b;
    struct batch_mark empty = batch_builder_mark(builder);
    fill(builder, lost, 300, &r, &labels);
    batch_builder_rollback(builder, &empty);
    CHECK_EQ_U64(batch_builder_rows(builder), 0);
    fill(builder, model, 100, &r, &labels);
    struct batch_mark mark = batch_builder_mark(builder);
    fill(builder, lost, 100, &r, &labels);
    batch_builder_rollback(builder, &mark);
    fill(builder, model + 100, 200, &r, &labels);
    CHECK_OK(batch_builder_seal(builder, 1, NULL, &b, &err), err);
    check_against_model(b, model, 300, &labels);
    batch_unref(b);
    batch_builder_destroy(builder);
    buf_deinit(&labels);
}

TEST(a_builder_stops_at_its_budget_and_keeps_what_it_has)
{
    for (size_t limit = 1000; limit < 60000; limit += 997) {
        struct budget budget;
        budget_init(&budget, NULL, limit);
        struct batch_builder *builder = batch_builder_create(&budget);
        struct bole_err err;
        uint32_t stream = 0, rows = 0;
        if (batch_builder_stream(builder, S("t1"), S(""), 0, &stream, &err) == BOLE_OK) {
            bole_status st;
            do {
                char key[16];
                snprintf(key, sizeof key, "key%u", rows);
                struct batch_field fields[] = {{S("same"), S("value")}, {bole_slice_str(key), S("v")}};
                st = batch_builder_add(builder, 5, stream, S("a line"), fields, 2, &err);
                rows += st == BOLE_OK;
            } while (st == BOLE_OK);
            CHECK_EQ_STATUS(st, BOLE_E_LIMIT);
        }
        CHECK_EQ_U64(batch_builder_rows(builder), rows);
        struct batch *b;
        if (rows) {
            CHECK_OK(batch_builder_seal(builder, 1, NULL, &b, &err), err);
            CHECK_EQ_U64(b->field_count, 2 * rows);
            CHECK_EQ_SLICE(batch_line(b, rows - 1), S("a line"));
            batch_unref(b);
        }
        batch_builder_destroy(builder);
        CHECK_EQ_U64(budget.used_bytes, 0);
    }
}

/* Written once by version 1 and never changed: what an older Bole wrote must stay readable for ever. */
TEST(golden_files_of_every_version_still_decode)
{
    const char *dir = getenv("BOLE_GOLDEN");
    if (!dir)
        skip();
    static const char *const names[] = {"batch-v1-plain.bin", "batch-v1-lz4.bin", "batch-v1-zstd.bin"};
    for (size_t i = 0; i < 3; i++) {
        char path[512];
        uint8_t bytes[4096];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *f = fopen(path, getenv("BOLE_GOLDEN_WRITE") ? "w+b" : "rb");
        CHECK(f != NULL);
        if (getenv("BOLE_GOLDEN_WRITE")) {
            struct buf labels, out;
            buf_init(&labels, NULL);
            buf_init(&out, NULL);
            struct batch_builder *builder = batch_builder_create(NULL);
            uint32_t stream;
            struct bole_err err;
            CHECK_OK(batch_builder_stream(builder, S("default"),
                                          encode_labels(&labels, "{app=\"golden\", env=\"test\"}"),
                                          BATCH_STREAM_COLLAPSE, &stream, &err),
                     err);
            for (int row = 0; row < 8; row++) {
                struct batch_field field = {S("trace_id"), S("0af7651916cd43dd8448eb211c80319c")};
                CHECK_OK(batch_builder_add(builder, 1795255200000000000 + row, stream, S("GET /index.html 200\0\xff"),
                                           &field, 1, &err),
                         err);
            }
            struct batch *b;
            CHECK_OK(batch_builder_seal(builder, 1795255200000000009, NULL, &b, &err), err);
            CHECK_OK(batch_encode(b, (enum batch_codec)i, &out, &err), err);
            CHECK_EQ_U64(fwrite(out.ptr, 1, out.len, f), out.len);
            rewind(f);
            batch_unref(b);
            batch_builder_destroy(builder);
            buf_deinit(&labels);
            buf_deinit(&out);
        }
        size_t n = fread(bytes, 1, sizeof bytes, f), taken;
        fclose(f);
        struct batch *b;
        struct bole_err err;
        CHECK_OK(batch_decode(bole_slice_from(bytes, n), NULL, &b, &taken, &err), err);
        CHECK_EQ_U64(taken, n);
        CHECK_EQ_U64(b->row_count, 8);
        CHECK_EQ_U64(b->streams[0].flags, BATCH_STREAM_COLLAPSE);
        CHECK_EQ_SLICE(labels_find(b->streams[0].labels, S("env")), S("test"));
        for (uint32_t row = 0; row < 8; row++) {
            CHECK_EQ_I64(b->time_ns[row], 1795255200000000000 + row);
            CHECK_EQ_SLICE(batch_line(b, row), S("GET /index.html 200\0\xff"));
            CHECK_EQ_SLICE(batch_field(b, row).key, S("trace_id"));
        }
        CHECK_EQ_I64(b->received_ns, 1795255200000000009);
        batch_unref(b);
    }
}
