/* Whole batches through Bole's own door. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "receive/receive_fixture.h"
#include "record/batch.h"

enum { CRC = BATCH_HEADER_SIZE - 4 };

static const uint8_t PRODUCER[BATCH_PRODUCER_SIZE] = {1, 2, 3};

static struct batch_builder *builder_of(bole_slice tenant, bole_slice labels)
{
    struct batch_builder *b = batch_builder_create(NULL);
    uint32_t stream;
    struct bole_err err;
    CHECK_OK(batch_builder_stream(b, tenant, labels, 0, &stream, &err), err);
    return b;
}

/* Seals, encodes and forgets the builder. */
static struct buf encoded(struct batch_builder *builder, const uint8_t *producer, uint64_t sequence)
{
    struct batch *b;
    struct buf out;
    struct bole_err err;
    buf_init(&out, NULL);
    CHECK_OK(batch_builder_seal(builder, 1, NULL, &b, &err), err);
    if (producer)
        memcpy(b->producer, producer, sizeof b->producer);
    b->producer_sequence = sequence;
    CHECK_OK(batch_encode(b, BATCH_ZSTD, &out, &err), err);
    batch_unref(b);
    batch_builder_destroy(builder);
    return out;
}

static void add(struct batch_builder *b, int64_t time_ns, bole_slice line, const struct batch_field *fields, size_t count)
{
    struct bole_err err;
    CHECK_OK(batch_builder_add(b, time_ns, 0, line, fields, count, &err), err);
}

static void push(struct fixture *f, bole_slice body)
{
    struct receive_input in = fixture_input(f, body, "application/vnd.bole.batch");
    receive_push(f->receiver, &in, &f->result);
}

static bool contains(bole_slice text, const char *needle)
{
    return memmem(text.ptr, text.len, needle, strlen(needle)) != NULL;
}

TEST(a_batch_arrives_as_it_is)
{
    struct fixture f;
    fixture_init(&f);
    struct batch_builder *b = builder_of(S("default"), S("\3app\1x"));
    const struct batch_field fields[] = {{S("user"), S("7")}, {S("trace"), S("ab")}};
    add(b, 5, S("a\0b"), fields, 2);
    add(b, 3, S(""), NULL, 0);
    struct buf body = encoded(b, PRODUCER, 1);
    push(&f, buf_slice(&body));
    CHECK_EQ_U64(f.ingest.lane.sequence, 1);
    CHECK(memcmp(f.ingest.lane.producer, PRODUCER, sizeof PRODUCER) == 0);
    fixture_check(&f, 200, "{\"sequence\":1,\"stored\":2,\"duplicate\":false,\"rejected\":0}\n",
                  "5 {app=\"x\"} \"a\\u0000b\" trace=\"ab\" user=\"7\"\n3 {app=\"x\"} \"\"\n");
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(names_are_cleaned_and_the_last_of_a_repeated_one_stays)
{
    struct fixture f;
    fixture_init(&f);
    struct batch_builder *b = builder_of(S("default"), S("\3a.b\1x"));
    const struct batch_field fields[] = {{S("u"), S("1")}, {S("u"), S("2")}, {S("h.x"), S("3")}};
    add(b, 5, S("l"), fields, 3);
    struct buf body = encoded(b, NULL, 0);
    push(&f, buf_slice(&body));
    CHECK(f.result.lane == NULL);
    fixture_check(&f, 200, "{\"sequence\":0,\"stored\":1,\"duplicate\":false,\"rejected\":0}\n",
                  "5 {a_b=\"x\"} \"l\" h_x=\"3\" u=\"2\"\n");
    buf_deinit(&body);
    fixture_deinit(&f);
}

/* A record without a field's name is refused, its neighbour stays; of a lane even nothing at all keeps the place. */
TEST(what_is_refused_keeps_its_place_in_the_lane)
{
    struct fixture f;
    fixture_init(&f);
    for (int alone = 0; alone < 2; alone++) {
        struct batch_builder *b = builder_of(S("default"), S("\3app\1x"));
        const struct batch_field bad[] = {{S(""), S("1")}};
        add(b, 5, S("bad"), bad, 1);
        if (!alone)
            add(b, 6, S("good"), NULL, 0);
        struct buf body = encoded(b, PRODUCER, 4);
        push(&f, buf_slice(&body));
        CHECK(f.result.request && f.result.lane);
        CHECK_EQ_U64(f.result.rejected, 1);
        CHECK_EQ_U64(f.result.status, 200);
        CHECK(contains(f.result.body, "\"errors\":[\"stream '{app="));
        ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        buf_deinit(&body);
    }
    fixture_deinit(&f);
}

static void check_refused(struct fixture *f, bole_slice body, const char *why)
{
    push(f, body);
    CHECK_EQ_U64(f->result.status, 400);
    CHECK(!f->result.request);
    CHECK(contains(f->result.body, why));
}

TEST(hostile_batches_are_refused)
{
    struct fixture f;
    fixture_init(&f);
    struct batch_builder *b = builder_of(S("default"), S("\3app\1x"));
    const struct batch_field field = {S("k"), S("v")};
    add(b, 5, S("line"), &field, 1);
    struct buf good = encoded(b, PRODUCER, 1);
    check_refused(&f, S(""), "no batch header");
    for (size_t cut = 0; cut < good.len; cut++)
        check_refused(&f, bole_slice_from(good.ptr, cut), "batch: ");
    uint8_t *bytes = malloc(good.len + 1);
    memcpy(bytes, good.ptr, good.len);
    bytes[good.len] = 0;
    check_refused(&f, bole_slice_from(bytes, good.len + 1), "behind the batch");
    /* Every byte changed under a right checksum: whatever is accepted is one row of this tenant. */
    for (size_t at = 0; at < good.len; at++)
        for (unsigned flip = 1; flip < 256; flip += 36) {
            memcpy(bytes, good.ptr, good.len);
            bytes[at] ^= (uint8_t)flip;
            store_u32(bytes + CRC, crc32c(crc32c(0, bytes, CRC), bytes + BATCH_HEADER_SIZE, good.len - BATCH_HEADER_SIZE));
            push(&f, bole_slice_from(bytes, good.len));
            CHECK(f.result.status == 400 || f.result.status == 200);
            CHECK((f.result.status == 200) == (f.result.request != NULL));
            if (f.result.request)
                ingest_commit(f.result.request, NULL, NULL);
            fake_ingest_clear(&f.ingest);
        }
    free(bytes);
    buf_deinit(&good);
    b = builder_of(S("other"), S("\3app\1x"));
    add(b, 5, S("line"), NULL, 0);
    struct buf foreign = encoded(b, NULL, 0);
    check_refused(&f, buf_slice(&foreign), "a stream is of tenant \"other\"");
    buf_deinit(&foreign);
    b = builder_of(S("default"), S("\3app\1x"));
    add(b, 5, S("line"), NULL, 0);
    struct buf no_sequence = encoded(b, PRODUCER, 0);
    check_refused(&f, buf_slice(&no_sequence), "first sequence is 1");
    buf_deinit(&no_sequence);
    fixture_deinit(&f);
}
