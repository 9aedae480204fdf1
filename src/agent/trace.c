/*
 * A state says what kind of line came last. Most lines that belong to a trace say so themselves ("\tat ...", "Caused by:"); the
 * states are for those that do not: the last line of a Python traceback, functions of a goroutine, the source that Node shows
 * first.
 */
#include "agent/trace.h"

#include "process/level.h"
#include "receive/text.h"

enum state {
    ANY_LINE,
    HEADER,        /* an exception's name and message */
    HEADER_TEXT,   /* and a second line of the message */
    FRAMES,
    PYTHON,        /* behind "Traceback (most recent call last):" */
    PYTHON_GROUP,  /* of an exception group: every line is indented */
    PYTHON_END,    /* the exception's name and message */
    PYTHON_BLANK,
    PYTHON_CHAIN,  /* behind "During handling of the above exception, ..." */
    GO_PANIC,
    GO_BLANK,
    GO_STACK,
    NODE_PLACE,    /* "/srv/app.js:12" */
    NODE_SOURCE,   /* the line there */
    NODE_CARET,
    NODE_BLANK,
    NODE_OBJECT,   /* properties of an error, up to the "}" */
    NODE_END,      /* the blank line behind the frames */
    DOTNET_LOG,    /* "fail: Shop.Orders[0]" */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(uint8_t c)
{
    return is_digit(c) || (c | 32u) - 'a' < 26u || c == '_' || c == '.' || c == '$' || c == '/' || c >= 0x80;
}

static bool starts(bole_slice s, const char *with)
{
    return bole_slice_starts(s, bole_slice_str(with));
}

static bool ends(bole_slice s, const char *with)
{
    return bole_slice_ends(s, bole_slice_str(with));
}

static bool holds(bole_slice s, const char *what)
{
    return s.len && memmem(s.ptr, s.len, what, strlen(what)) != NULL;
}

static bole_slice without_indent(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && (s.ptr[n] == ' ' || s.ptr[n] == '\t'))
        n++;
    return bole_slice_sub(s, n);
}

static bole_slice without_digits(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    return bole_slice_sub(s, n);
}

static bool is_stamped(bole_slice line)
{
    int64_t ignored;
    return text_time(line, INT64_MAX / 2, &ignored);
}

/* A name such as java.lang.IllegalStateException, TypeError or System.IO.IOException that ends its line or has a message behind
 * it. */
static bool is_exception(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && is_name(s.ptr[n]))
        n++;
    bole_slice name = {s.ptr, n}, rest = bole_slice_sub(s, n);
    return (ends(name, "Exception") || ends(name, "Error") || ends(name, "Throwable")) &&
           (rest.len == 0 || rest.ptr[0] == ':' || starts(rest, " ["));
}

/* What a runtime says when nobody has caught it: that is no part of the line before. */
static bool is_uncaught(bole_slice s)
{
    return starts(s, "Exception in thread \"") || starts(s, "Unhandled exception. ") || starts(s, "Unhandled Exception: ") ||
           starts(s, "Uncaught ");
}

/* A line of a log that may have a trace behind it: one with a time that does not say that all is well. */
static bool may_have_trace(bole_slice line)
{
    static const char *const well[] = {"info", "debug", "trace"};
    bole_slice level = level_of_line(line);
    for (size_t i = 0; i < sizeof well / sizeof *well; i++)
        if (bole_slice_eq(level, bole_slice_str(well[i])))
            return false;
    return is_stamped(line);
}

/* What ends a Python traceback: a name of any kind, perhaps with a message. */
static bool is_python_end(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && is_name(s.ptr[n]))
        n++;
    return n > 0 && !is_digit(s.ptr[0]) && (n == s.len || s.ptr[n] == ':');
}

/* "app.rb:12:in `run'": where a frame of Ruby was; ret_rest is behind it. */
static bool ruby_place(bole_slice s, bole_slice *ret_rest)
{
    const uint8_t *in = s.len ? memmem(s.ptr, s.len, ":in ", 4) : NULL;
    if (!in || in == s.ptr || !is_digit(in[-1]) || memchr(s.ptr, ' ', (size_t)(in - s.ptr)))
        return false;
    *ret_rest = bole_slice_sub(s, (size_t)(in - s.ptr) + 4);
    return ret_rest->len && (ret_rest->ptr[0] == '`' || ret_rest->ptr[0] == '\'');
}

/* A frame alone, without the message that makes it the beginning of a trace. */
static bool is_ruby_frame(bole_slice s)
{
    bole_slice rest;
    return ruby_place(s, &rest) && rest.ptr[rest.len - 1] == '\'';
}

static bool is_goroutine(bole_slice s)
{
    bole_slice number = bole_slice_sub(s, 10), rest = without_digits(number);
    return starts(s, "goroutine ") && rest.len < number.len && starts(rest, " [");
}

/* "main.(*T).run(0x1, ...)", "rax    0x0" */
static bool is_go_line(bole_slice s)
{
    if (starts(s, "\t") || starts(s, "created by ") || starts(s, "...") || starts(s, "exit status ") || is_goroutine(s))
        return true;
    const uint8_t *open = s.len ? memchr(s.ptr, '(', s.len) : NULL, *space = s.len ? memchr(s.ptr, ' ', s.len) : NULL;
    if (open && (!space || open < space))
        return s.ptr[s.len - 1] == ')';
    return space && space < s.ptr + 7 && starts(without_indent(bole_slice_sub(s, (size_t)(space - s.ptr))), "0x");
}

/* "/srv/app.js:12", "file:///srv/app.mjs:3", "node:internal/modules/cjs/loader:936" */
static bool is_node_place(bole_slice s)
{
    size_t n = s.len;
    while (n && is_digit(s.ptr[n - 1]))
        n--;
    bool is_path =
        starts(s, "/") || starts(s, "file:") || starts(s, "node:") || (s.len > 2 && s.ptr[1] == ':' && s.ptr[2] == '\\');
    return is_path && n < s.len && n > 1 && s.ptr[n - 1] == ':' && !memchr(s.ptr, ' ', s.len);
}

static bool is_caret(bole_slice s)
{
    size_t n = 0;
    s = without_indent(s);
    while (n < s.len && (s.ptr[n] == '^' || s.ptr[n] == '~'))
        n++;
    return n > 0 && n == s.len;
}

static bool is_dotnet_log(bole_slice s)
{
    static const char *const levels[] = {"trce: ", "dbug: ", "info: ", "warn: ", "fail: ", "crit: "};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (starts(s, levels[i]))
            return ends(s, "]");
    return false;
}

unsigned trace_language(bole_slice name)
{
    static const char *const names[] = {"java", "python", "go", "ruby", "dotnet", "node"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (bole_slice_eq(name, bole_slice_str(names[i])))
            return 1u << i;
    return bole_slice_eq(name, S("all")) ? TRACE_ALL : 0;
}

/* ---- lines ---- */

static const char traceback[] = "Traceback (most recent call last):";

static enum state state_of_first(unsigned languages, bole_slice line)
{
    if ((languages & (TRACE_PYTHON | TRACE_RUBY)) && ends(line, traceback))
        return ends(line, "Group Traceback (most recent call last):") ? PYTHON_GROUP : PYTHON;
    if ((languages & TRACE_GO) && (starts(line, "panic: ") || starts(line, "fatal error: ") || holds(line, " panic serving ")))
        return GO_PANIC;
    if ((languages & TRACE_GO) && is_goroutine(line))
        return GO_STACK;
    if ((languages & TRACE_NODE) && is_node_place(line))
        return NODE_PLACE;
    if ((languages & TRACE_DOTNET) && is_dotnet_log(line))
        return DOTNET_LOG;
    return (languages & (TRACE_JAVA | TRACE_DOTNET | TRACE_NODE)) && (is_exception(line) || is_uncaught(line)) ? HEADER
                                                                                                               : ANY_LINE;
}

void trace_begin(struct trace *t, unsigned languages, bole_slice line)
{
    *t = (struct trace){.languages = languages, .first = line, .state = (uint8_t)state_of_first(languages, line)};
}

static enum trace_verdict become(struct trace *t, enum state state, enum trace_verdict verdict)
{
    t->state = (uint8_t)state;
    return verdict;
}

/* A line that says by itself that it goes on with what was before; s is its text behind the indent. */
static bool is_frame(unsigned languages, bole_slice s, bool indented)
{
    if ((languages & TRACE_JAVA) && (starts(s, "Caused by: ") || (indented && starts(s, "Suppressed: "))))
        return true;
    if (indented && starts(s, "... ") && is_digit(s.ptr[4])) /* "... 9 more" */
        return (languages & (TRACE_JAVA | TRACE_NODE | TRACE_RUBY)) != 0;
    if ((languages & TRACE_DOTNET) && (starts(s, "--- End of ") || (indented && starts(s, "---> "))))
        return true;
    if ((languages & TRACE_RUBY) && indented && holds(s, ":in ")) {
        bole_slice behind = without_digits(s);
        if (starts(s, "from ") || (behind.len < s.len && starts(behind, ": from ")))
            return true;
    }
    return indented && starts(s, "at ") && (languages & (TRACE_JAVA | TRACE_DOTNET | TRACE_NODE));
}

static enum trace_verdict next_of_any(struct trace *t, bole_slice line)
{
    bole_slice s = without_indent(line);
    unsigned of = t->languages;
    if (s.len > 4 && is_frame(of, s, s.len < line.len))
        return become(t, (of & TRACE_NODE) && ends(s, "{") && starts(s, "at ") ? NODE_OBJECT : FRAMES, TRACE_JOIN);
    if ((of & TRACE_GO) && is_goroutine(line))
        return become(t, GO_STACK, TRACE_JOIN);
    if ((of & TRACE_RUBY) && (is_ruby_frame(line) || starts(line, "Did you mean? ")))
        return become(t, FRAMES, TRACE_JOIN);
    if (t->state == FRAMES && (of & TRACE_NODE) && line.len == 0)
        return become(t, NODE_END, TRACE_MAYBE);
    if (t->state == HEADER && line.len && !is_stamped(line) && state_of_first(of, line) == ANY_LINE)
        return become(t, HEADER_TEXT, TRACE_MAYBE);
    if (t->state == ANY_LINE && line.len && !is_uncaught(line)) {
        enum state state = state_of_first(of, line);
        if ((state == HEADER || state == PYTHON || state == PYTHON_GROUP) && !is_stamped(line) && may_have_trace(t->first))
            return become(t, state, TRACE_JOIN);
    }
    return TRACE_NEW;
}

static enum trace_verdict next_of_python(struct trace *t, bole_slice line, bool indented)
{
    switch ((enum state)t->state) {
    case PYTHON:
        if (indented)
            return TRACE_JOIN;
        return is_python_end(line) || holds(line, ":in ") ? become(t, PYTHON_END, TRACE_JOIN) : TRACE_NEW;
    case PYTHON_GROUP: return indented ? TRACE_JOIN : TRACE_NEW;
    case PYTHON_END:
        if (indented && !ends(line, traceback))
            return TRACE_JOIN; /* of a message of several lines */
        return line.len == 0 ? become(t, PYTHON_BLANK, TRACE_MAYBE) : next_of_any(t, line);
    case PYTHON_BLANK:
        return starts(line, "During handling of the above ") || starts(line, "The above exception was ")
                   ? become(t, PYTHON_CHAIN, TRACE_JOIN)
                   : TRACE_NEW;
    default: /* PYTHON_CHAIN */
        return line.len == 0 ? TRACE_JOIN : ends(line, traceback) ? become(t, PYTHON, TRACE_JOIN) : TRACE_NEW;
    }
}

static enum trace_verdict next_of_go(struct trace *t, bole_slice line, bool indented)
{
    bool is_stack = is_goroutine(line) || starts(line, "runtime stack:");
    if (is_stack || (t->state != GO_PANIC && is_go_line(line)))
        return become(t, GO_STACK, TRACE_JOIN);
    if (starts(line, "[signal ") || (t->state == GO_PANIC && indented))
        return become(t, GO_PANIC, TRACE_JOIN);
    return line.len == 0 && t->state != GO_BLANK ? become(t, GO_BLANK, TRACE_MAYBE) : TRACE_NEW;
}

static enum trace_verdict next_of_node(struct trace *t, bole_slice line, bool indented)
{
    switch ((enum state)t->state) {
    case NODE_PLACE: return line.len ? become(t, NODE_SOURCE, TRACE_MAYBE) : TRACE_NEW;
    case NODE_SOURCE: return is_caret(line) ? become(t, NODE_CARET, TRACE_JOIN) : TRACE_NEW;
    case NODE_CARET:
        if (line.len == 0)
            return become(t, NODE_BLANK, TRACE_MAYBE);
        return is_exception(line) ? become(t, HEADER, TRACE_JOIN) : TRACE_NEW;
    case NODE_BLANK: return is_exception(line) ? become(t, HEADER, TRACE_JOIN) : TRACE_NEW;
    case NODE_OBJECT:
        if (starts(line, "}"))
            return become(t, FRAMES, TRACE_JOIN);
        return indented ? TRACE_JOIN : TRACE_NEW;
    default: /* NODE_END */ return starts(line, "Node.js v") ? become(t, FRAMES, TRACE_JOIN) : TRACE_NEW;
    }
}

enum trace_verdict trace_next(struct trace *t, bole_slice line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    bool indented = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
    switch ((enum state)t->state) {
    case PYTHON:
    case PYTHON_GROUP:
    case PYTHON_END:
    case PYTHON_BLANK:
    case PYTHON_CHAIN: return next_of_python(t, line, indented);
    case GO_PANIC: case GO_BLANK: case GO_STACK: return next_of_go(t, line, indented);
    case NODE_PLACE: case NODE_SOURCE: case NODE_CARET: case NODE_BLANK: case NODE_OBJECT: case NODE_END:
        return next_of_node(t, line, indented);
    case DOTNET_LOG: return starts(line, "      ") ? TRACE_JOIN : TRACE_NEW;
    default: return next_of_any(t, line);
    }
}
