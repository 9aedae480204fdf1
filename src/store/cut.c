#include "store/cut.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/segment/partition.h"

bole_status cut_write(const struct head_snapshot *head, struct segment_file *file, struct bole_err *err)
{
    struct row_source *sources = malloc(head->entry_count * sizeof *sources);
    struct head_cursor cursor = {.snapshot = head};
    const struct head_entry *e;
    size_t count = 0;
    assert(head->row_count > 0);
    if (!sources)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory to cut the head");
    while ((e = head_next(&cursor)))
        sources[count++] = (struct row_source){.batch = e->batch, .lsn = e->lsn, .first_row = e->first_row,
                                               .dead = e->dead};
    bole_status st = partition_write(sources, count, &(struct partition_options){.by_day = true}, file, err);
    free(sources);
    return st;
}
