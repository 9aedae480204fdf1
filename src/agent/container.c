#include "agent/container.h"

#include "receive/json.h"
#include "receive/text.h"

enum { ID_LEN = 64 }; /* hexadecimal digits */

/* ---- paths ---- */

/* The last part of a path, which is cut off. */
static bole_slice pop(bole_slice *path)
{
    const uint8_t *slash = path->len ? memrchr(path->ptr, '/', path->len) : NULL;
    bole_slice last = slash ? bole_slice_sub(*path, (size_t)(slash - path->ptr) + 1) : *path;
    path->len = slash ? (size_t)(slash - path->ptr) : 0;
    return last;
}

static bool cut_end(bole_slice *s, bole_slice end)
{
    if (!bole_slice_ends(*s, end))
        return false;
    s->len -= end.len;
    return true;
}

static bool is_id(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return s.len == ID_LEN;
}

/* NAMESPACE_POD_UID: none of them has an underscore. */
static bool split_three(bole_slice s, bole_slice *a, bole_slice *b, bole_slice *c)
{
    bole_slice rest;
    *a = bole_slice_cut(s, '_', &rest);
    *b = bole_slice_cut(rest, '_', c);
    return a->len && b->len && c->len && !memchr(c->ptr, '_', c->len);
}

static bool of_pods(bole_slice path, struct container_name *n)
{
    bole_slice file = pop(&path), pod;
    n->container = pop(&path);
    pod = pop(&path);
    return file.len && file.ptr[0] >= '0' && file.ptr[0] <= '9' && memmem(file.ptr, file.len, ".log", 4) &&
           bole_slice_eq(pop(&path), S("pods")) && n->container.len && split_three(pod, &n->namespace, &n->pod, &n->uid);
}

static bool of_link(bole_slice path, struct container_name *n)
{
    bole_slice file = pop(&path), last;
    if (!bole_slice_eq(pop(&path), S("containers")) || !cut_end(&file, S(".log")) || file.len < ID_LEN + 2)
        return false;
    n->id = bole_slice_sub(file, file.len - ID_LEN);
    file.len -= ID_LEN + 1;
    if (file.ptr[file.len] != '-' || !is_id(n->id) || !split_three(file, &n->pod, &n->namespace, &last))
        return false;
    n->container = last;
    return true;
}

static bool of_docker(bole_slice path, struct container_name *n)
{
    bole_slice file = pop(&path);
    n->id = pop(&path);
    return bole_slice_eq(pop(&path), S("containers")) && is_id(n->id) && bole_slice_starts(file, n->id) &&
           bole_slice_starts(bole_slice_sub(file, ID_LEN), S("-json.log"));
}

bool container_of_path(bole_slice path, struct container_name *ret_name)
{
    bool (*const shapes[])(bole_slice path, struct container_name *n) = {of_pods, of_link, of_docker};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct container_name name = {0};
        if (shapes[i](path, &name)) {
            *ret_name = name;
            return true;
        }
    }
    return false;
}

/* ---- lines ---- */

static bool stream_of(bole_slice name, enum container_stream *ret_stream)
{
    *ret_stream = bole_slice_eq(name, S("stderr")) ? CONTAINER_STDERR : CONTAINER_STDOUT;
    return *ret_stream == CONTAINER_STDERR || bole_slice_eq(name, S("stdout"));
}

static bool cri_line(bole_slice line, struct container_line *l)
{
    bole_slice rest, tags;
    bole_slice time = bole_slice_cut(line, ' ', &rest);
    if (!stream_of(bole_slice_cut(rest, ' ', &rest), &l->stream) || !time_value_parse(time, &l->time_ns))
        return false;
    tags = bole_slice_cut(rest, ' ', &l->text);
    if (!l->text.ptr)
        l->text = bole_slice_from(tags.ptr, 0); /* an empty line may have lost its blank */
    tags = bole_slice_cut(tags, ':', &rest);
    l->partial = bole_slice_eq(tags, S("P"));
    return l->partial || bole_slice_eq(tags, S("F"));
}

static bole_slice behind(bole_slice s, size_t n)
{
    while (n < s.len && s.ptr[n] == ' ')
        n++;
    return bole_slice_sub(s, n);
}

/* What stands between the quotes at the beginning; the rest is behind them. */
static bool take_string(bole_slice *s, bole_slice *ret_raw)
{
    size_t n = 1;
    if (s->len < 2 || s->ptr[0] != '"')
        return false;
    while (n < s->len && s->ptr[n] != '"')
        n += s->ptr[n] == '\\' ? 2 : 1;
    if (n >= s->len)
        return false;
    *ret_raw = bole_slice_from(s->ptr + 1, n - 1);
    *s = bole_slice_sub(*s, n + 1);
    return true;
}

/* Of "attrs" and what else may stand there: texts and objects of texts. */
static bool skip_value(bole_slice *s)
{
    bole_slice ignored;
    unsigned depth = 0;
    do {
        if (s->len == 0)
            return false;
        if (s->ptr[0] == '"') {
            if (!take_string(s, &ignored))
                return false;
            continue;
        }
        depth += s->ptr[0] == '{' || s->ptr[0] == '[';
        if (depth)
            depth -= s->ptr[0] == '}' || s->ptr[0] == ']';
        else if (s->ptr[0] == ',' || s->ptr[0] == '}')
            return true;
        *s = bole_slice_sub(*s, 1);
    } while (depth || (s->len && s->ptr[0] != ',' && s->ptr[0] != '}'));
    return true;
}

/* The text ends with \n: with an odd number of backslashes in front of the n. */
static bool cut_escaped_newline(bole_slice *raw)
{
    size_t n = raw->len, slashes = 0;
    if (n < 2 || raw->ptr[n - 1] != 'n')
        return false;
    while (slashes < n - 1 && raw->ptr[n - 2 - slashes] == '\\')
        slashes++;
    if (slashes % 2 == 0)
        return false;
    raw->len -= 2;
    return true;
}

static bool docker_line(bole_slice line, struct container_line *l)
{
    bole_slice key, value, s = bole_slice_sub(line, 1);
    bool has_text = false, has_stream = false;
    if (line.len < 2 || line.ptr[0] != '{')
        return false;
    for (;;) {
        bool is_text;
        if (!take_string(&s, &key) || s.len == 0 || s.ptr[0] != ':')
            return false;
        s = behind(s, 1);
        is_text = s.len && s.ptr[0] == '"';
        if (!(is_text ? take_string(&s, &value) : skip_value(&s)))
            return false;
        if (is_text && bole_slice_eq(key, S("log"))) {
            l->text = value;
            has_text = true;
        } else if (is_text && bole_slice_eq(key, S("stream"))) {
            has_stream = stream_of(value, &l->stream);
        } else if (is_text && bole_slice_eq(key, S("time")) && !time_value_parse(value, &l->time_ns)) {
            return false;
        }
        if (s.len == 0 || s.ptr[0] != ',')
            break;
        s = behind(s, 1);
    }
    l->partial = !cut_escaped_newline(&l->text);
    l->escaped = true;
    return has_text && has_stream && bole_slice_eq(s, S("}"));
}

bool container_line(bole_slice line, struct container_line *ret_line)
{
    bole_slice trimmed = {line.ptr, line.len - (line.len && line.ptr[line.len - 1] == '\r')};
    struct container_line l = {0};
    bool known = docker_line(trimmed, &l);
    if (!known) {
        l = (struct container_line){0};
        known = cri_line(line, &l);
    }
    *ret_line = known ? l : (struct container_line){.text = line};
    return known;
}

bole_slice container_text(const struct container_line *line, struct arena *arena)
{
    const uint32_t nowhere = 0;
    struct json j = {.next = &nowhere}; /* an error is said to be there */
    if (!line->escaped)
        return line->text;
    bole_slice text = json_text(&j, line->text, arena);
    return text.ptr || j.no_memory ? text : line->text; /* a bad escape stays as it is written */
}
