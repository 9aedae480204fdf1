/*
 * regex.cc - see regex.h. The pattern is walked once before RE2 sees it: that walk rewrites named groups, refuses \C,
 * and collects the literal runs from which the needle is taken. It understands just enough syntax to know where a
 * literal ends; whatever it does not understand only costs the needle, never correctness.
 *
 * RE2 takes some 20 us to make a program, and many a query never runs it: no row has the needle, a chain of runs or a text decides.
 * So an expression of the common kind, which cannot be wrong (class Common), becomes a program when it is first run.
 */
#include "shim/regex.h"

#include <re2/re2.h>

#include <cctype>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What this file needs of base/, whose headers speak C17's atomics and cannot be read by C++17. */
extern "C" {
bool budget_take(struct budget *b, size_t bytes);
void budget_give(struct budget *b, size_t bytes);
bole_status bole_fail(struct bole_err *err, bole_status code, const char *fmt, ...);
bool utf8_valid(bole_slice s);
size_t utf8_length(const uint8_t *p, size_t len);
}

struct regex {
    std::string              pattern;
    std::string              literal;
    std::string              needle;
    std::string              source;  /* what RE2 is given; empty when the pattern is a literal */
    mutable std::unique_ptr<RE2> re;  /* made at once or by the first search, whichever thread it is on: see program() */
    mutable std::once_flag   made;
    std::vector<std::string> group_names;
    struct budget           *budget = nullptr;
    size_t                   drawn_bytes = 0;
    bool                     anchored = false;
    bool                     is_literal = false;
    bool                     takes_empty = true; /* false: no match is empty */
};

namespace {

#ifdef __SSE2__
/* The first place of a needle of at least two bytes in text that has 15 bytes more: positions are sifted 16 at a time by the
 * needle's first and last byte. In a log line that is four times as fast as memmem, which takes over when too many pass in
 * vain, so that the work stays linear. */
const uint8_t *sift(const uint8_t *text, size_t len, const uint8_t *needle, size_t needle_len)
{
    enum { STRIDE = 16, WASTE_MAX = 1024 };
    const uint8_t *last = text + len - needle_len + 1 - STRIDE; /* the last block, which may lie over the one before it */
    const __m128i first_byte = _mm_set1_epi8((char)needle[0]), last_byte = _mm_set1_epi8((char)needle[needle_len - 1]);
    size_t wasted = 0;
    for (const uint8_t *p = text;; p = p + STRIDE < last ? p + STRIDE : last) {
        __m128i begin = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i end = _mm_loadu_si128((const __m128i *)(const void *)(p + needle_len - 1));
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(begin, first_byte), _mm_cmpeq_epi8(end, last_byte)));
        for (; hits; hits &= hits - 1) {
            const uint8_t *at = p + __builtin_ctz(hits);
            if (memcmp(at, needle, needle_len) == 0)
                return at;
            wasted += needle_len;
        }
        if (p == last)
            return nullptr;
        if (wasted > WASTE_MAX + 8 * (size_t)(p - text))
            return (const uint8_t *)memmem(p, (size_t)(text + len - p), needle, needle_len);
    }
}
#endif

const uint8_t *find_bytes(const uint8_t *text, size_t len, const void *needle, size_t needle_len)
{
#ifdef __SSE2__
    if (needle_len >= 2 && len >= needle_len + 15)
        return sift(text, len, (const uint8_t *)needle, needle_len);
#endif
    return (const uint8_t *)memmem(text, len, needle, needle_len);
}

using re2::StringPiece;

bole_slice slice_of(const std::string &s)
{
    return {(const uint8_t *)s.data(), s.size()};
}

/* One pass over a pattern. */
class Walk {
  public:
    explicit Walk(const std::string &p) : pattern_(p) {}

    bool run() /* false: \C */
    {
        while (at_ < pattern_.size())
            if (!step())
                return false;
        flush_run();
        return true;
    }

    std::string rewritten, longest;
    bool        plain = true; /* nothing but literals so far */

  private:
    bool step()
    {
        char c = pattern_[at_];
        switch (c) {
        case '\\': return step_escape();
        case '[': break_run(); copy_class(); return true;
        case '(': open_group(); return true;
        case ')':
            break_run(); /* while still inside: the group may be optional */
            depth_ -= depth_ > 0;
            return copy(1);
        case '|':
            if (depth_ == 0)
                no_needle_ = true;
            break_run();
            return copy(1);
        case '*': case '?': optional_last(); return copy(1);
        case '{': optional_last(); return copy_repeat();
        case '+': case '.': case '^': case '$': break_run(); return copy(1);
        default: break;
        }
        size_t len = utf8_length((const uint8_t *)pattern_.data() + at_, pattern_.size() - at_);
        len = len ? len : 1;
        add_literal(pattern_.substr(at_, len));
        return copy(len);
    }

    bool step_escape()
    {
        if (at_ + 1 >= pattern_.size()) {
            plain = false;
            return copy(1);
        }
        unsigned char c = (unsigned char)pattern_[at_ + 1];
        if (c == 'C')
            return false;
        if (c == 'Q') {
            size_t end = pattern_.find("\\E", at_ + 2);
            break_run();
            return copy((end == std::string::npos ? pattern_.size() : end + 2) - at_);
        }
        if (c < 0x80 && !isalnum(c) && c != '_') {
            add_literal(std::string(1, (char)c));
        } else {
            break_run();
            /* What \pN, \x{..} and \123 bring with them must not be read as literals. */
            no_needle_ |= c == 'p' || c == 'P' || c == 'x' || (c >= '0' && c <= '7');
        }
        return copy(2);
    }

    void open_group()
    {
        break_run();
        depth_++;
        if (pattern_.compare(at_, 3, "(?<") == 0 && at_ + 3 < pattern_.size() && pattern_[at_ + 3] != '=' &&
            pattern_[at_ + 3] != '!') {
            rewritten += "(?P<";
            at_ += 3;
            return;
        }
        /* Flags such as (?i) change what a literal means. */
        no_needle_ |= pattern_.compare(at_, 2, "(?") == 0 && pattern_.compare(at_, 3, "(?:") != 0 &&
                      pattern_.compare(at_, 4, "(?P<") != 0;
        copy(1);
    }

    void copy_class() /* '[' up to its ']', which may be the first member */
    {
        size_t i = at_ + 1;
        if (i < pattern_.size() && pattern_[i] == '^')
            i++;
        if (i < pattern_.size() && pattern_[i] == ']')
            i++;
        while (i < pattern_.size() && pattern_[i] != ']') {
            if (pattern_[i] == '\\')
                i++;
            else if (pattern_.compare(i, 2, "[:") == 0) {
                size_t end = pattern_.find(":]", i + 2);
                i = end == std::string::npos ? i : end + 1;
            }
            i++;
        }
        copy((i < pattern_.size() ? i + 1 : pattern_.size()) - at_);
    }

    bool copy_repeat() /* {2,3}: its digits are no literals */
    {
        size_t i = at_ + 1;
        while (i < pattern_.size() && (isdigit((unsigned char)pattern_[i]) || pattern_[i] == ','))
            i++;
        return copy((i < pattern_.size() && pattern_[i] == '}' ? i + 1 : i) - at_);
    }

    bool copy(size_t len)
    {
        rewritten.append(pattern_, at_, len);
        at_ += len;
        return true;
    }

    void add_literal(const std::string &rune)
    {
        last_size_ = rune.size();
        run_ += rune;
    }

    void optional_last() /* the last rune may be missing */
    {
        run_.resize(run_.size() - last_size_);
        break_run();
    }

    void break_run()
    {
        plain = false;
        flush_run();
    }

    void flush_run()
    {
        if (depth_ == 0 && !no_needle_ && run_.size() > longest.size())
            longest = run_;
        if (no_needle_)
            longest.clear();
        run_.clear();
        last_size_ = 0;
    }

    const std::string &pattern_;
    std::string run_;
    size_t      last_size_ = 0, at_ = 0, depth_ = 0;
    bool        no_needle_ = false;
};

/*
 * Expressions that both Go and RE2 surely take, so that nothing need be compiled to know it: texts, sets, groups, alternatives,
 * `*`, `+` and `?`, of at most 512 bytes, for which the program's memory surely suffices. Whatever else there is is left to RE2.
 */
class Common {
  public:
    explicit Common(const std::string &p) : p_(p) {}

    bool run()
    {
        return p_.size() <= 512 && utf8_valid({(const uint8_t *)p_.data(), p_.size()}) && alternatives(takes_empty, 0) && at_ == p_.size();
    }

    bool takes_empty = true;
    std::vector<std::string> names; /* of its groups */

  private:
    int peek(size_t ahead = 0) const { return at_ + ahead < p_.size() ? (unsigned char)p_[at_ + ahead] : -1; }
    bool eat(const char *s)
    {
        if (p_.compare(at_, strlen(s), s) != 0)
            return false;
        at_ += strlen(s);
        return true;
    }
    static bool is_one_of(int c, const char *s) { return c > 0 && strchr(s, c); }
    static bool is_word(int c) { return c >= 0 && c < 0x80 && (isalnum(c) || c == '_'); }
    static bool is_sign(int c) { return c > ' ' && c < 0x7f && !is_word(c); }

    bool alternatives(bool &empty, unsigned depth)
    {
        empty = false;
        do {
            bool one = true;
            while (peek() >= 0 && peek() != '|' && peek() != ')')
                if (!repeated(one, depth))
                    return false;
            empty |= one;
        } while (eat("|"));
        return true;
    }

    /* An atom and how often it comes. empty stays true as long as all so far may be empty. */
    bool repeated(bool &empty, unsigned depth)
    {
        bool is_place = false, may_lack = false;
        if (!atom(is_place, may_lack, depth))
            return false;
        if (is_one_of(peek(), "*+?")) {
            may_lack |= peek() != '+';
            at_++;
            eat("?");
            if (is_place || is_one_of(peek(), "*+?"))
                return false;
        }
        empty &= may_lack || is_place;
        return true;
    }

    bool atom(bool &is_place, bool &may_lack, unsigned depth)
    {
        int c = peek();
        if (c == '(')
            return group(may_lack, depth + 1);
        if (c == '[')
            return set();
        if (is_one_of(c, "*+?{}]"))
            return false;
        at_ += c < 0x80 ? 1 : utf8_length((const uint8_t *)p_.data() + at_, p_.size() - at_);
        is_place = c == '^' || c == '$';
        if (c != '\\')
            return true;
        c = peek();
        is_place = c == 'b' || c == 'B';
        at_++;
        return is_sign(c) || is_one_of(c, "dDwWsSbB");
    }

    bool group(bool &may_lack, unsigned depth)
    {
        bool counts = !eat("(?:");
        std::string name;
        if (counts && (eat("(?P<") || eat("(?<"))) {
            while (is_word(peek()))
                name += p_[at_++];
            for (const auto &other : names)
                if (name == other)
                    return false;
            if (name.empty() || isdigit((unsigned char)name[0]) || !eat(">"))
                return false;
        } else if (counts && (!eat("(") || peek() == '?')) {
            return false;
        }
        if (counts)
            names.push_back(name);
        return depth < 50 && names.size() <= REGEX_GROUPS_MAX && alternatives(may_lack, depth) && eat(")");
    }

    bool set()
    {
        at_++;
        eat("^");
        for (bool first = true; first || peek() != ']'; first = false) {
            int c = peek();
            if (c == '\\') {
                if (!is_sign(peek(1)) && !is_one_of(peek(1), "dws"))
                    return false;
                at_ += 2;
            } else if (is_word(c) && peek(1) == '-' && peek(2) != ']') {
                if (!is_word(peek(2)) || peek(2) < c)
                    return false;
                at_ += 3;
            } else if (c == '-' ? !first && peek(1) != ']' : !is_word(c) && !is_one_of(c, " .,:;/@#%&=+*?!\"'()<>{}$|~")) {
                return false;
            } else {
                at_++;
            }
            if (peek() == '-' && peek(1) != ']')
                return false;
        }
        at_++;
        return true;
    }

    const std::string &p_;
    size_t             at_ = 0;
};

/* Go's words for RE2's errors (regexp/syntax: ErrorCode). */
const char *go_error(RE2::ErrorCode code)
{
    switch (code) {
    case RE2::ErrorBadEscape: return "invalid escape sequence";
    case RE2::ErrorBadCharClass: return "invalid character class";
    case RE2::ErrorBadCharRange: return "invalid character class range";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorUnexpectedParen: return "unexpected )";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize: return "invalid repeat count";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8: return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture: return "invalid named capture";
    case RE2::ErrorPatternTooLarge: return "expression too large";
    default: return "internal error";
    }
}

bole_status report(const RE2 &re, const std::string &pattern, struct bole_err *err)
{
    /* Go names the whole pattern where a bracket is missing, else the offending piece, which a last backslash is not. */
    RE2::ErrorCode code = re.error_code();
    std::string arg = code == RE2::ErrorMissingParen || re.error_arg().empty() ? pattern : re.error_arg();
    if (code == RE2::ErrorTrailingBackslash)
        arg.clear();
    size_t name = pattern.find(arg) == std::string::npos ? arg.find("(?P<") : std::string::npos;
    if (name != std::string::npos)
        arg.erase(name + 2, 1); /* it was written without */
    bole_status st = code == RE2::ErrorPatternTooLarge ? BOLE_E_LIMIT : BOLE_E_INVALID;
    return bole_fail(err, st, "error parsing regexp: %s: `%.500s`", go_error(code), arg.c_str());
}

RE2::Options options()
{
    RE2::Options o;
    o.set_log_errors(false);
    o.set_max_mem(REGEX_MEMORY_MAX);
    return o;
}

/* Go's names of groups are ASCII, RE2's may be any letters. */
bole_status check_names(const struct regex *r, struct bole_err *err)
{
    for (const std::string &name : r->group_names)
        for (char c : name)
            if ((unsigned char)c >= 0x80)
                return bole_fail(err, BOLE_E_INVALID, "error parsing regexp: invalid named capture: `(?P<%s>`", name.c_str());
    return BOLE_OK;
}

bole_status build(bole_slice pattern, unsigned flags, struct regex *r, struct bole_err *err)
{
    r->pattern.assign((const char *)pattern.ptr, pattern.len);
    r->anchored = flags & (REGEX_ANCHORED | REGEX_WHOLE);
    Walk walk(r->pattern);
    if (!walk.run())
        return bole_fail(err, BOLE_E_INVALID, "error parsing regexp: invalid escape sequence: `\\C`");
    if (walk.plain && utf8_valid(pattern)) {
        r->is_literal = true;
        r->needle = r->literal = walk.longest;
        return BOLE_OK;
    }
    r->source = flags & REGEX_ANCHORED ? "(?s:" + walk.rewritten + ")" : walk.rewritten;
    r->needle = walk.longest;
    Common common(walk.rewritten);
    if (common.run()) {
        r->takes_empty = common.takes_empty;
        r->group_names = std::move(common.names);
        return check_names(r, err);
    }
    /* The pattern alone first: a stray `)` must not close the group put around it. */
    if (flags & REGEX_ANCHORED) {
        RE2 alone(walk.rewritten, options());
        if (!alone.ok())
            return report(alone, r->pattern, err);
    }
    r->re = std::make_unique<RE2>(r->source, options());
    if (!r->re->ok())
        return report(*r->re, r->pattern, err);
    size_t groups = (size_t)r->re->NumberOfCapturingGroups();
    r->group_names.resize(groups < REGEX_GROUPS_MAX ? groups : REGEX_GROUPS_MAX);
    for (const auto &[index, name] : r->re->CapturingGroupNames())
        if ((size_t)index <= r->group_names.size())
            r->group_names[(size_t)index - 1] = name;
    return check_names(r, err);
}

/* Go reads each invalid byte as U+FFFD; RE2 would match nothing there. */
std::string replaced(bole_slice s)
{
    std::string out;
    out.reserve(s.len + 16);
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_length(s.ptr + i, s.len - i);
        if (n)
            out.append((const char *)s.ptr + i, n);
        else
            out.append("\xEF\xBF\xBD");
        i += n ? n : 1;
    }
    return out;
}

/* A place in s, and the same place in replaced(s). */
struct Place {
    size_t original = 0, copy = 0;

    /* The place of an offset of the copy that is not before this one. */
    Place at(bole_slice s, size_t copy_offset) const
    {
        Place p = *this;
        while (p.copy < copy_offset && p.original < s.len) {
            size_t n = utf8_length(s.ptr + p.original, s.len - p.original);
            p.copy += n ? n : 3;
            p.original += n ? n : 1;
        }
        return p;
    }
};

/* NULL cannot be: see Common. */
const RE2 *program(const struct regex *r)
{
    std::call_once(r->made, [r] {
        if (!r->re)
            r->re = std::make_unique<RE2>(r->source, options());
    });
    return r->re->ok() ? r->re.get() : nullptr;
}

bool run(const struct regex *r, const StringPiece &subject, size_t from, StringPiece *groups, size_t count)
{
    RE2::Anchor anchor = r->anchored ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
    const RE2 *re = program(r);
    return re && re->Match(subject, from, subject.size(), anchor, groups, (int)count);
}

bool find_literal(const struct regex *r, bole_slice s, size_t from, bole_slice *groups, size_t count)
{
    bole_slice lit = slice_of(r->literal);
    const uint8_t *hit = nullptr;
    if (r->anchored) {
        if (from == 0 && s.len == lit.len && memcmp(s.ptr, lit.ptr, lit.len) == 0)
            hit = s.ptr;
    } else if (from <= s.len) {
        hit = find_bytes(s.ptr + from, s.len - from, lit.ptr, lit.len);
    }
    if (!hit)
        return false;
    for (size_t g = 0; g < count; g++)
        groups[g] = g ? bole_slice{} : bole_slice{hit, lit.len};
    return true;
}

bole_slice slice_of(const StringPiece &s)
{
    return {(const uint8_t *)s.data(), s.size()};
}

/* At most N groups: clearing room for all that there may be takes as long as finding a few. */
template <size_t N> bool find_groups(const struct regex *r, bole_slice s, size_t from, bole_slice *groups, size_t count)
{
    StringPiece found[N];
    if (!run(r, StringPiece((const char *)s.ptr, s.len), from, found, count))
        return false;
    for (size_t g = 0; g < count; g++)
        groups[g] = slice_of(found[g]);
    return true;
}

/* Finds in `s`, which is valid UTF-8. */
bool find_valid(const struct regex *r, bole_slice s, size_t from, bole_slice *groups, size_t count)
{
    enum { FEW = 8 };
    return count <= FEW ? find_groups<FEW>(r, s, from, groups, count) : find_groups<REGEX_GROUPS_MAX + 1>(r, s, from, groups, count);
}

/* Makes groups of the copy groups of s; none of them begins before `place`. */
void move_to_original(bole_slice s, const std::string &copy, const Place &place, bole_slice *groups, size_t count)
{
    for (size_t g = 0; g < count; g++) {
        if (!groups[g].ptr)
            continue;
        size_t offset = (size_t)(groups[g].ptr - (const uint8_t *)copy.data());
        Place begin = place.at(s, offset), end = begin.at(s, offset + groups[g].len);
        groups[g] = {s.ptr + begin.original, end.original - begin.original};
    }
}

bool find_copy(const struct regex *r, bole_slice s, size_t from, bole_slice *groups, size_t count)
{
    std::string copy = replaced(s);
    if (!find_valid(r, slice_of(copy), replaced({s.ptr, from}).size(), groups, count))
        return false;
    move_to_original(s, copy, Place(), groups, count);
    return true;
}

/* The search of regex_each in `s`: valid UTF-8, or anything when the regex is a literal. */
template <typename Found> void each_match(const struct regex *r, bole_slice s, size_t count, Found found)
{
    bole_slice groups[REGEX_GROUPS_MAX + 1];
    bool any = false;
    for (size_t at = 0, last_end = 0; at <= s.len;) {
        if (!r->needle.empty() && !find_bytes(s.ptr + at, s.len - at, r->needle.data(), r->needle.size()))
            return;
        if (!(r->is_literal ? find_literal(r, s, at, groups, count) : find_valid(r, s, at, groups, count)))
            return;
        size_t from = (size_t)(groups[0].ptr - s.ptr), to = from + groups[0].len;
        bool counts = to > from || !any || from > last_end;
        size_t step = to > from ? 0 : to < s.len ? utf8_length(s.ptr + to, s.len - to) : 1;
        at = to > from ? to : to + (step ? step : 1);
        if (counts && !found(groups))
            return;
        any |= counts;
        last_end = counts ? to : last_end;
    }
}

} // namespace

extern "C" bole_status regex_compile(bole_slice pattern, unsigned flags, struct budget *budget,
                                     struct regex **ret_regex, struct bole_err *err)
try {
    if (pattern.len > REGEX_PATTERN_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "error parsing regexp: expression too large: %zu bytes, at most %u",
                         pattern.len, REGEX_PATTERN_MAX);
    auto r = std::make_unique<struct regex>();
    bole_status st = build(pattern, flags, r.get(), err);
    if (st < 0)
        return st;
    /* An instruction is of 16 bytes; of those that are compiled later a byte of the pattern makes some ten, rarely more. */
    size_t program_size = r->re ? (size_t)r->re->ProgramSize() : r->is_literal ? 0 : 10 * pattern.len;
    size_t bytes = sizeof *r + 3 * pattern.len + (program_size ? 16 * program_size + 4096 : 0);
    if (!budget_take(budget, bytes))
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached while compiling a regular expression");
    r->budget = budget;
    r->drawn_bytes = bytes;
    *ret_regex = r.release();
    return BOLE_OK;
} catch (const std::exception &) {
    return bole_fail(err, BOLE_E_NOMEM, "no memory for a regular expression");
}

extern "C" void regex_destroy(struct regex *r)
{
    if (!r)
        return;
    budget_give(r->budget, r->drawn_bytes);
    delete r;
}

extern "C" bool regex_match(const struct regex *r, bole_slice subject)
{
    return regex_find(r, subject, 0, nullptr, 0);
}

extern "C" bole_slice regex_pattern(const struct regex *r)
{
    return slice_of(r->pattern);
}

extern "C" bool regex_is_literal(const struct regex *r, bole_slice *ret_literal)
{
    if (r->is_literal)
        *ret_literal = slice_of(r->literal);
    return r->is_literal;
}

extern "C" bole_slice regex_needle(const struct regex *r)
{
    return slice_of(r->needle);
}

extern "C" size_t regex_group_count(const struct regex *r)
{
    return r->group_names.size();
}

extern "C" bole_slice regex_group_name(const struct regex *r, size_t group)
{
    return group >= 1 && group <= r->group_names.size() ? slice_of(r->group_names[group - 1]) : bole_slice{};
}

extern "C" bool regex_find(const struct regex *r, bole_slice subject, size_t from, bole_slice *ret_groups,
                           size_t group_count)
try {
    if (!subject.ptr)
        subject = {(const uint8_t *)"", 0};
    if (r->is_literal)
        return find_literal(r, subject, from, ret_groups, group_count);
    if (from > subject.len || (from == subject.len && !r->takes_empty))
        return false;
    if (!r->needle.empty() && !find_bytes(subject.ptr + from, subject.len - from, r->needle.data(), r->needle.size()))
        return false;
    size_t count = group_count < REGEX_GROUPS_MAX + 1 ? group_count : REGEX_GROUPS_MAX + 1;
    /* A match of the valid parts is a match of the copy, too; only positions may differ. */
    if (count == 0 && run(r, StringPiece((const char *)subject.ptr, subject.len), from, nullptr, 0))
        return true;
    if (!utf8_valid(subject))
        return find_copy(r, subject, from, ret_groups, count);
    return count && find_valid(r, subject, from, ret_groups, count);
} catch (const std::exception &) {
    return false; /* the copy of a subject with bad UTF-8 found no memory */
}

extern "C" void regex_each(const struct regex *r, bole_slice subject, size_t group_count, regex_match_fn *fn, void *ctx)
try {
    size_t count = group_count < REGEX_GROUPS_MAX + 1 ? group_count : REGEX_GROUPS_MAX + 1;
    if (!subject.ptr)
        subject = {(const uint8_t *)"", 0};
    if (r->is_literal || utf8_valid(subject)) {
        each_match(r, subject, count, [&](const bole_slice *groups) { return fn(groups, ctx); });
        return;
    }
    /* One copy for all matches, and one walk along it: neither is made anew for each of them. */
    std::string copy = replaced(subject);
    Place place;
    each_match(r, slice_of(copy), count, [&](bole_slice *groups) {
        place = place.at(subject, (size_t)(groups[0].ptr - (const uint8_t *)copy.data()));
        move_to_original(subject, copy, place, groups, count);
        return fn(groups, ctx);
    });
} catch (const std::exception &) {
    /* as regex_find */
}
