#include <stdlib.h>

#include "agent/file_labels.h"
#include "agent/glob.h"
#include "agent/source.h"
#include "base/test.h"
#include "record/record.h"

TEST(glob_matches_as_its_header_says)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } cases[] = {
        {"/var/log/*.log", "/var/log/a.log", true},
        {"/var/log/*.log", "/var/log/.log", true},
        {"/var/log/*.log", "/var/log/a/b.log", false},
        {"/var/log/*.log", "/var/log/a.log.1", false},
        {"/var/log/**", "/var/log/a", true},
        {"/var/log/**", "/var/log/a/b/c", true},
        {"/var/log/**", "/var/logs", false},
        {"/var/log/**", "/var/lo", false},
        {"/var/**/x.log", "/var/x.log", true},
        {"/var/**/x.log", "/var/a/b/x.log", true},
        {"/var/**/x.log", "/var/a/b/y.log", false},
        {"/var/**/b/**/x", "/var/a/b/c/d/x", true},
        {"/var/**/b/**/x", "/var/a/c/d/x", false},
        {"/a/?/c", "/a/b/c", true},
        {"/a/?/c", "/a//c", false},
        {"/a/[a-c]x", "/a/bx", true},
        {"/a/[a-c]x", "/a/dx", false},
        {"/a/[!a-c]x", "/a/dx", true},
        {"/a/[]x]", "/a/]", true},
        {"/a/[x", "/a/[x", true},
        {"/a/[x", "/a/x", false},
        {"/a/\\*", "/a/*", true},
        {"/a/\\*", "/a/b", false},
        {"/a/*b*c*d", "/a/xxbyyczzd", true},
        {"/a/*b*c*d", "/a/xxbyyczz", false},
        {"*.gz", "/var/log/deep/x.gz", true},
        {"*.gz", "/var/log/x.gz/y", false},
        {"*.[0-9]", "/var/log/syslog.1", true},
        {"*.[0-9]", "/var/log/syslog.10", false},
        {"", "", true},
        {"", "/a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (glob_match(bole_slice_str(cases[i].pattern), bole_slice_str(cases[i].path)) != cases[i].match)
            fail_msg("%s against %s", cases[i].pattern, cases[i].path);
}

TEST(glob_with_many_stars_is_quick_over_a_hostile_name)
{
    char name[256];
    memset(name, 'a', sizeof name);
    CHECK(!glob_match(S("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), bole_slice_from(name, sizeof name)));
}

TEST(glob_leads_into_the_directories_that_can_hold_a_match)
{
    static const struct {
        const char *pattern, *directory;
        bool leads;
    } cases[] = {
        {"/var/log/*.log", "/var/log", true},      {"/var/log/*.log", "/var", true},
        {"/var/log/*.log", "/var/log/x", false},   {"/var/log/*/*.log", "/var/log/x", true},
        {"/var/log/*/*.log", "/var/log/x/y", false}, {"/var/log/**", "/var/log/x/y", true},
        {"/var/**/x.log", "/var/a/b", true},       {"/var/**/x.log", "/usr", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (glob_leads(bole_slice_str(cases[i].pattern), bole_slice_str(cases[i].directory)) != cases[i].leads)
            fail_msg("%s into %s", cases[i].pattern, cases[i].directory);
}

TEST(glob_root_ends_before_the_first_wildcard)
{
    CHECK_EQ_SLICE(glob_root(S("/var/log/*.log")), S("/var/log"));
    CHECK_EQ_SLICE(glob_root(S("/var/l[o]g/x")), S("/var"));
    CHECK_EQ_SLICE(glob_root(S("/var/log/syslog")), S("/var/log"));
    CHECK_EQ_SLICE(glob_root(S("/**")), S("/"));
    CHECK_EQ_SLICE(glob_root(S("*.gz")), S(""));
}

TEST(service_name_comes_from_the_name_of_the_file)
{
    static const struct {
        const char *path, *service;
    } cases[] = {
        {"/var/log/syslog", "syslog"},
        {"/var/log/auth.log", "auth"},
        {"/var/log/nginx/access.log", "nginx"},
        {"/var/log/nginx/error.log", "nginx"},
        {"/var/log/error.log", "error"},
        {"/var/log/app/worker-3.2026-11-21.log", "worker"},
        {"/var/log/app/worker.log.1", "worker"},
        {"/var/log/postgresql/postgresql-15-main.log", "postgresql-15-main"},
        {"/var/log/.log", ".log"},
        {"/var/log/123", "123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ_SLICE(file_service_name(bole_slice_str(cases[i].path)), bole_slice_str(cases[i].service));
}

TEST(a_path_longer_than_a_label_is_cut)
{
    char path[LABEL_VALUE_MAX + 100];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    struct file_labels *labels = NULL;
    struct bole_err err;
    CHECK_OK(file_labels_create(bole_slice_from(path, sizeof path), &(struct file_labels_options){S("h"), S("j")}, &labels, &err),
             err);
    CHECK_EQ_U64(labels_find(labels->streams[0], S("filename")).len, LABEL_VALUE_MAX);
    free(labels);
}

TEST(sniffing_tells_text_from_binary)
{
    static const struct {
        bole_slice bytes;
        const char *what;
    } cases[] = {
        {{(const uint8_t *)"Nov 21 10:00:00 host app: hello\n", 32}, NULL},
        {{(const uint8_t *)"a\0b one NUL byte in a line of text\n", 35}, NULL},
        {{(const uint8_t *)"\xff\x80\xc3 bad utf-8\n", 14}, NULL},
        {{(const uint8_t *)"\x1b[31mred\x1b[0m\r\n\tindented\n", 24}, NULL},
        {{(const uint8_t *)"", 0}, NULL},
        {{(const uint8_t *)"\x1f\x8b\x08\0\0\0", 6}, "gzip"},
        {{(const uint8_t *)"LPKSHHRH\0\0", 10}, "journal"},
        {{(const uint8_t *)"\xff\xfeh\0i\0", 6}, NULL},
        {{(const uint8_t *)"\x07\0\0\0\x22\x01\0\0pts/0\0\0\0\0\0\0\0", 20}, "binary"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *what = source_sniff(cases[i].bytes);
        CHECK_EQ_SLICE(bole_slice_str(what ? what : ""), bole_slice_str(cases[i].what ? cases[i].what : ""));
    }
}
