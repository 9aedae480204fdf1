#include "cmd/import_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

static const char head[] = "bole import, version 1\n";

struct entry {
    uint64_t records, device, inode, size;
    char    *file;
};

struct import_state {
    const char   *path;
    char         *fresh; /* path of the next version of it */
    struct entry *entries;
    size_t        count;
};

static struct entry *find(const struct import_state *s, const char *file)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->entries[i].file, file))
            return &s->entries[i];
    return NULL;
}

static struct entry *add(struct import_state *s, const char *file)
{
    struct entry *grown = realloc(s->entries, (s->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    s->entries = grown;
    grown[s->count] = (struct entry){.file = strdup(file)};
    return grown[s->count].file ? &grown[s->count++] : NULL;
}

static bole_status read_line(struct import_state *s, char *line, struct bole_err *err)
{
    struct entry e;
    int at = 0;
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &e.records, &e.device, &e.inode, &e.size, &at) != 4 ||
        line[at] != '/')
        return bole_fail(err, BOLE_E_INVALID, "%s is no state of an import: '%.40s'", s->path, line);
    struct entry *added = add(s, line + at);
    if (!added)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for %s", s->path);
    e.file = added->file;
    *added = e;
    return BOLE_OK;
}

static bole_status read_all(struct import_state *s, FILE *in, struct bole_err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    bole_status st = BOLE_OK;
    if (getline(&line, &capacity, in) < 0 || strcmp(line, head) != 0)
        st = bole_fail(err, BOLE_E_INVALID, "%s is no state of an import: name another file, or one that is not there yet",
                       s->path);
    while (st == BOLE_OK && getline(&line, &capacity, in) > 0)
        st = read_line(s, line, err);
    free(line);
    return st;
}

bole_status import_state_open(const char *path, struct import_state **ret_state, struct bole_err *err)
{
    struct import_state *s = calloc(1, sizeof *s);
    if (!s || asprintf(&s->fresh, "%s.new", path) < 0) {
        free(s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for %s", path);
    }
    s->path = path;
    FILE *in = fopen(path, "re");
    bole_status st = BOLE_OK;
    if (in)
        st = read_all(s, in, err);
    else if (errno != ENOENT)
        st = bole_fail_errno(err, errno, "reading %s", path);
    if (in)
        fclose(in);
    if (st < 0)
        import_state_close(s);
    else
        *ret_state = s;
    return st;
}

void import_state_close(struct import_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i].file);
    free(s->entries);
    free(s->fresh);
    free(s);
}

uint64_t import_state_get(const struct import_state *s, const char *file, const struct stat *info)
{
    const struct entry *e = find(s, file);
    bool same = e && e->device == info->st_dev && e->inode == info->st_ino && e->size <= (uint64_t)info->st_size;
    return same ? e->records : 0;
}

static bole_status write_all(const struct import_state *s, struct bole_err *err)
{
    FILE *out = fopen(s->fresh, "we");
    if (!out)
        return bole_fail_errno(err, errno, "writing %s", s->fresh);
    bool good = fputs(head, out) >= 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = &s->entries[i];
        good &= fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", e->records, e->device, e->inode, e->size,
                        e->file) > 0;
    }
    good = good && fflush(out) == 0 && fsync(fileno(out)) == 0;
    good = fclose(out) == 0 && good;
    if (!good || rename(s->fresh, s->path) < 0)
        return bole_fail_errno(err, errno, "writing %s", s->path);
    return BOLE_OK;
}

bole_status import_state_set(struct import_state *s, const char *file, const struct stat *info, uint64_t records,
                             struct bole_err *err)
{
    struct entry *e = find(s, file);
    if (!e)
        e = add(s, file);
    if (!e)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for %s", s->path);
    *e = (struct entry){records, info->st_dev, info->st_ino, (uint64_t)info->st_size, e->file};
    return write_all(s, err);
}
