#include "cmd/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/slice.h"

enum { COLUMNS_MAX = 1024 };

enum quoting { CELL_BEGINS, PLAIN, IN_QUOTES, QUOTE_MAY_END };

struct csv {
    struct buf record; /* the lines of a record that is not whole */
    struct buf cell, json;
    struct buf names;  /* one behind the other */
    size_t     name_end[COLUMNS_MAX], name_count;
    uint8_t    separator; /* 0: no line has come */
    enum quoting quoting; /* at the end of the last line */
};

struct csv *csv_create(void)
{
    struct csv *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    buf_init(&c->record, NULL);
    buf_init(&c->cell, NULL);
    buf_init(&c->json, NULL);
    buf_init(&c->names, NULL);
    return c;
}

void csv_destroy(struct csv *c)
{
    if (!c)
        return;
    buf_deinit(&c->record);
    buf_deinit(&c->cell);
    buf_deinit(&c->json);
    buf_deinit(&c->names);
    free(c);
}

static uint8_t find_separator(bole_slice line)
{
    static const char candidates[] = ",;\t|";
    size_t counts[sizeof candidates - 1] = {0}, best = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        const char *hit = line.ptr[i] ? strchr(candidates, line.ptr[i]) : NULL;
        is_quoted ^= line.ptr[i] == '"';
        if (hit && !is_quoted)
            counts[hit - candidates]++;
    }
    for (size_t i = 1; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] > counts[best])
            best = i;
    return (uint8_t)candidates[best];
}

/* Reads a cell into c->cell and steps over the separator behind it. */
static void read_cell(struct csv *c, bole_slice record, size_t *at, bool *ret_last)
{
    size_t i = *at;
    bool is_open = i < record.len && record.ptr[i] == '"';
    buf_reset(&c->cell);
    for (i += is_open; i < record.len; i++) {
        uint8_t byte = record.ptr[i];
        if (is_open && byte == '"') {
            is_open = i + 1 < record.len && record.ptr[i + 1] == '"';
            i += is_open;
            if (!is_open)
                continue;
        } else if (!is_open && byte == c->separator) {
            break;
        }
        buf_put_u8(&c->cell, byte);
    }
    *ret_last = i >= record.len;
    *at = i + 1;
}

/* Where the end of a line leaves the record, from where the line before it left it: each byte is looked at once. */
static bool is_whole(struct csv *c, bole_slice line)
{
    enum quoting now = c->quoting == IN_QUOTES ? IN_QUOTES : CELL_BEGINS;
    for (size_t i = 0; i < line.len; i++) {
        bool is_quote = line.ptr[i] == '"';
        if (now == IN_QUOTES)
            now = is_quote ? QUOTE_MAY_END : IN_QUOTES;
        else if (is_quote && now != PLAIN)
            now = IN_QUOTES; /* a cell that begins, or the second quote of two */
        else
            now = line.ptr[i] == c->separator ? CELL_BEGINS : PLAIN;
    }
    c->quoting = now;
    return now != IN_QUOTES;
}

static bole_status take_names(struct csv *c, bole_slice record, struct bole_err *err)
{
    bool last = false;
    for (size_t at = 0; !last; c->name_count++) {
        if (c->name_count == COLUMNS_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "more than %d columns", COLUMNS_MAX);
        read_cell(c, record, &at, &last);
        buf_put(&c->names, bole_slice_trim(buf_slice(&c->cell)));
        c->name_end[c->name_count] = c->names.len;
    }
    return c->names.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the names of columns") : BOLE_AGAIN;
}

static bole_slice name_of(const struct csv *c, size_t column, char scratch[32])
{
    size_t from = column && column <= c->name_count ? c->name_end[column - 1] : 0;
    bole_slice name = {0};
    if (column < c->name_count)
        name = bole_slice_from(c->names.ptr + from, c->name_end[column] - from);
    if (!name.len)
        name = bole_slice_from(scratch, (size_t)snprintf(scratch, 32, "column_%zu", column + 1));
    return name;
}

static bole_status put_record(struct csv *c, bole_slice record, bole_slice *ret_json, struct bole_err *err)
{
    bool last = false, any = false, failed = false;
    char scratch[32];
    buf_reset(&c->json);
    for (size_t at = 0, column = 0; !last; column++) {
        read_cell(c, record, &at, &last);
        failed |= c->cell.failed;
        if (!c->cell.len)
            continue;
        buf_put_u8(&c->json, any ? ',' : '{');
        buf_put_json(&c->json, name_of(c, column, scratch), false);
        buf_put_u8(&c->json, ':');
        buf_put_json(&c->json, buf_slice(&c->cell), false);
        any = true;
    }
    buf_put_u8(&c->json, '}');
    *ret_json = buf_slice(&c->json);
    if (failed || c->json.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a record");
    return any ? BOLE_OK : BOLE_AGAIN;
}

static bole_status finish(struct csv *c, bole_slice record, bole_slice *ret_json, struct bole_err *err)
{
    return c->name_count ? put_record(c, record, ret_json, err) : take_names(c, record, err);
}

bole_status csv_take(struct csv *c, bole_slice line, bole_slice *ret_json, struct bole_err *err)
{
    line.len -= line.len && line.ptr[line.len - 1] == '\r';
    if (!c->separator) {
        if (bole_slice_trim(line).len == 0)
            return BOLE_AGAIN;
        if (bole_slice_starts(line, S("\xef\xbb\xbf")))
            line = bole_slice_sub(line, 3);
        c->separator = find_separator(line);
    }
    bool whole = is_whole(c, line), goes_on = c->record.len > 0;
    if (goes_on || !whole) {
        if (goes_on)
            buf_put_u8(&c->record, '\n');
        buf_put(&c->record, line);
        if (c->record.failed)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for a record");
        line = buf_slice(&c->record);
    }
    if (!whole && line.len < CSV_RECORD_MAX)
        return BOLE_AGAIN;
    c->quoting = CELL_BEGINS;
    bole_status st = finish(c, line, ret_json, err);
    buf_reset(&c->record);
    return st;
}

bole_status csv_finish(struct csv *c, bole_slice *ret_json, struct bole_err *err)
{
    if (!c->record.len)
        return BOLE_END;
    bole_status st = finish(c, buf_slice(&c->record), ret_json, err);
    buf_reset(&c->record);
    return st == BOLE_AGAIN ? BOLE_END : st;
}
