#include <stdlib.h>

#include "agent/file_labels.h"
#include "agent/glob.h"
#include "agent/inputs.h"
#include "agent/source.h"
#include "base/err.h"
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

static struct inputs *inputs_of(const char *yaml, struct bole_err *err)
{
    struct config *c = NULL;
    struct inputs *inputs = NULL;
    CHECK_OK(config_parse(bole_slice_str(yaml), "a.yml", &c, err), *err);
    inputs_create(c, config_get(config_root(c), S("inputs")), &inputs, err);
    config_destroy(c);
    return inputs;
}

TEST(an_input_gives_its_files_labels_that_stand_above_the_others)
{
    static const struct {
        const char *path, *labels;
    } cases[] = {
        {"/srv/shop/a.log", "{env=\"prod\", filename=\"/srv/shop/a.log\", job=\"shop\", service_name=\"a\"}"},
        {"/srv/shop/b-debug.log", "{filename=\"/srv/shop/b-debug.log\", host=\"h\", job=\"rest\", service_name=\"b-debug\"}"},
        {"/srv/bare/x", "{filename=\"/srv/bare/x\", stream=\"stdout\"}"},
        {"/else", "{filename=\"/else\", host=\"h\", job=\"j\", service_name=\"else\"}"},
        {"/pods/n_p_u/c/0.log", "{filename=\"/pods/n_p_u/c/0.log\", host=\"h\", job=\"j\", service_name=\"0\"}"},
    };
    struct bole_err err = {0};
    struct inputs *inputs = inputs_of("inputs:\n"
                                      "- {files: [/srv/shop/*.log], exclude: ['*-debug.log'], labels: {job: shop, env: prod, host: }}\n"
                                      "- {files: /srv/shop/*, labels: {job: rest}}\n"
                                      "- {files: /srv/bare/*, auto_labels: false, container: true}\n"
                                      "- {files: /pods/**, container: no}\n", &err);
    struct buf out;
    buf_init(&out, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bole_slice path = bole_slice_str(cases[i].path);
        struct file_labels *labels = NULL;
        struct file_labels_options options = {.host = S("h"), .job = S("j"), .input = inputs_find(inputs, path, NULL)};
        CHECK_OK(file_labels_create(path, &options, &labels, &err), err);
        buf_reset(&out);
        labels_print(labels->streams[0], &out);
        CHECK_EQ_SLICE(buf_slice(&out), bole_slice_str(cases[i].labels));
        free(labels);
    }
    CHECK(strcmp(inputs_glob(inputs, 3), "/pods/**") == 0 && !inputs_glob(inputs, 4) && !inputs_glob(NULL, 0));
    buf_deinit(&out);
    inputs_destroy(inputs);
}

TEST(a_wrong_input_is_refused_with_its_place)
{
    static const char *const cases[][2] = {
        {"inputs: 7", "a.yml:1:9: inputs is a list of maps"},
        {"inputs: [7]", "a.yml:1:10: inputs: an entry is a map with files and labels"},
        {"inputs: [{labels: {a: b}}]", "a.yml:1:10: inputs: an entry needs files"},
        {"inputs: [{files: a.log}]", "a.yml:1:18: not an absolute path: a.log"},
        {"inputs: [{files: [/a, {b: c}]}]", "a.yml:1:23: files: globs are expected here"},
        {"inputs: [{files: /a, lables: {}}]", "a.yml:1:22: unknown key \"lables\"; did you mean \"labels\"?"},
        {"inputs: [{files: /a, labels: {a-b: c}}]", "a.yml:1:31: a label's name has letters, digits and _"},
        {"inputs: [{files: /a, labels: {a: [c]}}]", "a.yml:1:34: the value of a label is a text"},
        {"inputs: [{files: /a, container: maybe}]", "a.yml:1:33: container is true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bole_err err = {0};
        CHECK(!inputs_of(cases[i][0], &err));
        CHECK_EQ_SLICE(bole_slice_str(err.msg), bole_slice_str(cases[i][1]));
    }
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
