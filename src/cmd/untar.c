#include "cmd/untar.h"

#include "base/err.h"

static bole_slice take(bole_slice *bytes, uint64_t most)
{
    bole_slice taken = {bytes->ptr, bytes->len < most ? bytes->len : (size_t)most};
    *bytes = bole_slice_sub(*bytes, taken.len);
    return taken;
}

static bole_status end_file(struct untar *u, struct bole_err *err)
{
    if (!u->in_file || u->left)
        return BOLE_OK;
    u->in_file = false;
    return data_dir_end(u->dir, err);
}

static bole_status begin_file(struct untar *u, struct bole_err *err)
{
    bole_slice name;
    u->header_len = 0;
    bole_status st = tar_header_read(u->header, &name, &u->left, err);
    if (st != BOLE_OK) {
        u->is_over = st == BOLE_END;
        return st < 0 ? st : BOLE_OK;
    }
    u->padding = tar_padding(u->left);
    if (name.ptr[name.len - 1] == '/' && u->left == 0) /* a directory, as old archives have it */
        return BOLE_OK;
    u->in_file = true;
    st = data_dir_begin(u->dir, name, err);
    return st < 0 ? st : end_file(u, err);
}

bole_status untar_bytes(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct untar *u = ctx;
    bole_status st = BOLE_OK;
    u->total_bytes += bytes.len;
    progress_update(&u->progress, u->total_bytes);
    while (st >= 0 && bytes.len && !u->is_over) {
        if (u->in_file) {
            bole_slice part = take(&bytes, u->left);
            u->left -= part.len;
            st = data_dir_write(u->dir, part, err);
            if (st >= 0)
                st = end_file(u, err);
        } else if (u->padding) {
            u->padding -= take(&bytes, u->padding).len;
        } else {
            bole_slice part = take(&bytes, TAR_BLOCK_SIZE - u->header_len);
            memcpy(u->header + u->header_len, part.ptr, part.len);
            u->header_len += part.len;
            if (u->header_len == TAR_BLOCK_SIZE)
                st = begin_file(u, err);
        }
    }
    return st;
}
