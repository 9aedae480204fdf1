#include "base/tar.h"

#include <stdio.h>

#include "base/err.h"

/* Numbers are octal text. */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2];
    char owner[32], group[32], device[16], prefix[155], unused[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK_SIZE, "a header is one block");

/* The sum of all bytes, those of the checksum itself taken as blanks. */
static unsigned checksum(const struct ustar *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    unsigned sum = sizeof h->checksum * ' ';
    for (size_t i = 0; i < sizeof *h; i++)
        if (i < offsetof(struct ustar, checksum) || i >= offsetof(struct ustar, type))
            sum += bytes[i];
    return sum;
}

static void put_octal(char *field, size_t size, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)value);
    memcpy(field, text, size);
}

void tar_header_write(bole_slice name, uint64_t size_bytes, int64_t mtime_s, uint8_t ret_block[TAR_BLOCK_SIZE])
{
    struct ustar h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    memcpy(h.name, name.ptr, name.len);
    put_octal(h.mode, sizeof h.mode, 0640);
    put_octal(h.uid, sizeof h.uid, 0);
    put_octal(h.gid, sizeof h.gid, 0);
    put_octal(h.size, sizeof h.size, size_bytes);
    put_octal(h.mtime, sizeof h.mtime, (uint64_t)mtime_s);
    put_octal(h.checksum, sizeof h.checksum, checksum(&h));
    memcpy(ret_block, &h, sizeof h);
}

/* False: a byte that does not belong into a number. */
static bool read_octal(const char *field, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0'); /* at most 12 digits */
    *ret_value = value;
    return i == size || field[i] == ' ' || field[i] == '\0';
}

bole_status tar_header_read(const uint8_t block[TAR_BLOCK_SIZE], bole_slice *ret_name, uint64_t *ret_size_bytes,
                            struct bole_err *err)
{
    static const uint8_t zeros[TAR_BLOCK_SIZE];
    const struct ustar *h = (const struct ustar *)block;
    uint64_t sum;
    if (memcmp(block, zeros, sizeof zeros) == 0)
        return BOLE_END;
    if (!read_octal(h->checksum, sizeof h->checksum, &sum) || sum != checksum(h) ||
        !read_octal(h->size, sizeof h->size, ret_size_bytes))
        return bole_fail(err, BOLE_E_CORRUPT, "not a tar archive, or damaged: a header's checksum is wrong");
    size_t len = strnlen(h->name, sizeof h->name);
    if ((h->type != '0' && h->type != '\0') || len == 0 || len > TAR_NAME_MAX || h->prefix[0])
        return bole_fail(err, BOLE_E_UNSUPPORTED, "the archive holds something that is not a plain file: \"%.*s\"", (int)len,
                         h->name);
    *ret_name = bole_slice_from((const uint8_t *)h->name, len);
    return BOLE_OK;
}
