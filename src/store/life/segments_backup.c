/*
 * The files of one moment: a set of segments, which its reference keeps from being removed, and the catalogue as it was
 * when that was the set.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "store/segments.h"

enum { NAME_SIZE = sizeof "segments/" + SEGMENT_KEY_SIZE };

struct segments_backup {
    struct store_backup base;
    struct segments_store *s;
    struct segment_set *set;
    struct buf catalog;
    struct store_backup_file *files; /* [set->count + 1]; those of segments have the segment's place in the set in `at` */
    size_t *at;
    char (*names)[NAME_SIZE];
};

static void backup_close(struct store_backup *self)
{
    struct segments_backup *b = (struct segments_backup *)self;
    segment_set_unref(b->set);
    buf_deinit(&b->catalog);
    free(b->files);
    free(b->at);
    free(b->names);
    free(b);
}

static bole_status backup_read(struct store_backup *self, size_t file, uint64_t offset, size_t len, uint8_t *ret_bytes,
                               struct bole_err *err)
{
    struct segments_backup *b = (struct segments_backup *)self;
    if (file + 1 < self->file_count)
        return objects_read(b->s->objects, b->set->segments[b->at[file]]->info.key, offset, len, ret_bytes, err);
    memcpy(ret_bytes, b->catalog.ptr + offset, len);
    return BOLE_OK;
}

/* Set and catalogue belong together: whoever changes them holds change_lock. */
static bole_status take(struct segments_backup *b, struct bole_err *err)
{
    struct segments_store *s = b->s;
    pthread_mutex_lock(&s->change_lock);
    b->set = segments_borrow_set(s);
    bole_status st = catalog_image(s->catalog, &b->catalog, err);
    pthread_mutex_unlock(&s->change_lock);
    return st;
}

/* A segment whose file is gone must not keep the others from being saved. */
static bool is_there(struct segments_backup *b, const struct catalog_segment *info)
{
    uint64_t size;
    if (objects_size(b->s->objects, info->key, &size, NULL) != BOLE_E_NOTFOUND)
        return true;
    LOG(ERROR, "a segment of the catalogue has no file, so that no backup will have it", " file=%s", LOGQ(info->key));
    return false;
}

static bole_status list(struct segments_backup *b, struct bole_err *err)
{
    size_t count = 0, capacity = b->set->count + 1;
    b->files = calloc(capacity, sizeof *b->files);
    b->at = calloc(capacity, sizeof *b->at);
    b->names = calloc(capacity, sizeof *b->names);
    if (!b->files || !b->at || !b->names)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the names of the segments");
    for (size_t i = 0; i < b->set->count; i++) {
        const struct catalog_segment *info = &b->set->segments[i]->info;
        if (!is_there(b, info))
            continue;
        snprintf(b->names[count], NAME_SIZE, "segments/%.*s", BOLE_SLICE_ARG(info->key));
        b->files[count] = (struct store_backup_file){bole_slice_str(b->names[count]), info->size_bytes};
        b->at[count++] = i;
    }
    b->files[count++] = (struct store_backup_file){S("catalog.db"), b->catalog.len};
    b->base.files = b->files;
    b->base.file_count = count;
    return BOLE_OK;
}

bole_status segments_backup(struct store *self, struct store_backup **ret_backup, struct bole_err *err)
{
    struct segments_backup *b = calloc(1, sizeof *b);
    if (!b)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a backup");
    b->base.read = backup_read;
    b->base.close = backup_close;
    b->s = segments_of(self);
    buf_init(&b->catalog, b->s->budget);
    bole_status st = take(b, err);
    if (st >= 0)
        st = list(b, err);
    if (st < 0) {
        backup_close(&b->base);
        return st;
    }
    *ret_backup = &b->base;
    return BOLE_OK;
}
