/* Any body, whole and in two pieces: both are the same. */
#include "receive/fuzz_door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data, size), .arena = &d->arena};
    struct journal_piece piece = {.more = true};
    in.body.len = size / 2;
    receive_journal_upload(d->receiver, &in, &piece, &d->result);
    fuzz_settle(d);
    uint64_t accepted = d->result.accepted;
    bool good = d->result.status < 300;
    if (good) {
        in.body = bole_slice_from(data + piece.taken, size - piece.taken);
        piece = (struct journal_piece){.offset = piece.taken};
        receive_journal_upload(d->receiver, &in, &piece, &d->result);
        fuzz_settle(d);
        good = d->result.status < 300;
        accepted += d->result.accepted;
    }
    in.body = bole_slice_from(data, size);
    piece = (struct journal_piece){0};
    receive_journal_upload(d->receiver, &in, &piece, &d->result);
    fuzz_settle(d);
    if (good != (d->result.status < 300) || (good && accepted != d->result.accepted))
        abort();
    return 0;
}
