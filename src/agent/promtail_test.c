#include "agent/promtail.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/inputs.h"
#include "agent/multiline.h"
#include "base/err.h"
#include "base/test.h"
#include "process/pipeline.h"

static const char *test_env(const char *name)
{
    return strcmp(name, "ENV") == 0 ? NULL : strcmp(name, "DIR") == 0 ? "/srv" : "";
}

/* It is a configuration that we read. */
static void check_is_ours(bole_slice yaml)
{
    struct bole_err err = {0};
    struct config *c = NULL;
    struct inputs *inputs = NULL;
    struct multiline *multiline = NULL;
    struct pipeline *pipeline = NULL;
    CHECK_OK(config_parse(yaml, "a.yml", &c, &err), err);
    CHECK_OK(inputs_create(c, config_get(config_root(c), S("inputs")), &inputs, &err), err);
    CHECK_OK(multiline_create(c, config_get(config_root(c), S("multiline")), NULL, &multiline, &err), err);
    CHECK_OK(pipeline_parse_part(yaml, "a.yml", &pipeline, &err), err);
    pipeline_unref(pipeline);
    multiline_destroy(multiline);
    inputs_destroy(inputs);
    config_destroy(c);
}

static void read_text(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    CHECK(f && buf_reserve(out, 1 << 16));
    out->len = fread(out->ptr, 1, 1 << 16, f);
    fclose(f);
}

/* tests/promtail: NAME.yaml becomes NAME.bole.yml, with the notes behind it. BOLE_GOLDEN_WRITE=1 writes those. */
TEST(configurations_of_promtail_become_ours)
{
    const char *dir = getenv("BOLE_PROMTAIL");
    CHECK(dir);
    DIR *d = opendir(dir);
    CHECK(d);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[512], golden[512];
        const char *end = strstr(e->d_name, ".yaml");
        struct promtail p = {0};
        struct bole_err err = {0};
        struct buf wanted, got;
        if (!end)
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        snprintf(golden, sizeof golden, "%s/%.*s.bole.yml", dir, (int)(end - e->d_name), e->d_name);
        CHECK_OK(promtail_load(path, &(struct promtail_options){strcmp(e->d_name, "java.yaml") == 0, test_env}, &p, &err), err);
        check_is_ours(buf_slice(&p.yaml));
        buf_init(&wanted, NULL);
        buf_init(&got, NULL);
        buf_put(&got, buf_slice(&p.yaml));
        for (bole_slice rest = buf_slice(&p.notes); rest.len;) {
            bole_slice note = bole_slice_cut(rest, '\n', &rest);
            buf_printf(&got, "# line %.*s\n", BOLE_SLICE_ARG(note));
        }
        if (getenv("BOLE_GOLDEN_WRITE")) {
            FILE *f = fopen(golden, "wb");
            CHECK(f && fwrite(got.ptr, 1, got.len, f) == got.len && fclose(f) == 0);
        }
        read_text(golden, &wanted);
        CHECK_EQ_SLICE(buf_slice(&got), buf_slice(&wanted));
        buf_deinit(&wanted);
        buf_deinit(&got);
        promtail_deinit(&p);
    }
    closedir(d);
    CHECK(count >= 6);
}

#define FILES "static_configs: [{labels: {__path__: /a}}]"

TEST(what_has_no_equal_is_refused_with_its_place_and_what_to_do)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"scrape_configs: []", "p.yml:1:1: scrape_configs is missing: nothing would be read"},
        {"scrap_configs: []", "p.yml:1:1: unknown key \"scrap_configs\"; did you mean \"scrape_configs\"?"},
        {"scrape_configs: [{kubernetes_sd_configs: [{role: pod}]}]", "p.yml:1:19: in a pod `bole agent` reads /var/log"},
        {"scrape_configs: [{syslog: {}}]", "p.yml:1:19: the server takes syslog itself"},
        {"scrape_configs: [{job_name: a}]", "p.yml:1:18: a scrape config needs static_configs or journal"},
        {"scrape_configs: [{static_configs: [{labels: {a: b}}]}]", "p.yml:1:36: the label __path__ is missing"},
        {"clients: [{url: http://a/loki/api/v1/push}, {url: http://b/}]\nscrape_configs: [{" FILES "}]", "p.yml:1:45: one client: run an agent for each"},
        {"clients: [{url: http://a/x/loki/api/v1/push}]\nscrape_configs: [{" FILES "}]", "p.yml:1:12: only /loki/api/v1/push is known"},
        {"clients: [{url: http://a, tls_config: {insecure_skip_verify: true}}]\nscrape_configs: [{" FILES "}]", "p.yml:1:40: name the server's certificate instead"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{pack: {}}]}]", "p.yml:1:82: pack has no equal"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{tenant: {value: a}}]}]", "p.yml:1:82: an agent sends to one tenant"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{regx: {}}]}]", "p.yml:1:82: unknown stage \"regx\"; did you mean \"regex\"?"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{regex: {expression: '('}}]}]", "p.yml:1:82: error parsing regexp"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{json: {expressions: {a: 'b | c'}}}]}]", "p.yml:1:103: 'b | c' is no plain path"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{labels: {a: }}, {cri: {}}]}]", "p.yml:1:99: docker and cri are expected in front"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{template: {source: a, template: '{{ ToLower .Value }}'}}]}]", "p.yml:1:82: of templates only"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{match: {selector: '{a=\"b\"} != \"c\"', stages: []}}]}]", "p.yml:1:82: behind the labels of a selector only"},
        {"scrape_configs: [{" FILES ", pipeline_stages: [{limit: {rate: 1, burst: 1, by_label_name: a}}]}]", "p.yml:1:109: a limit by label"},
        {"scrape_configs: [{" FILES ", relabel_configs: [{action: hashmod, modulus: 3}]}]", "p.yml:1:99: hashmod has no equal"},
        {"scrape_configs: [{journal: {}, relabel_configs: [{action: labelmap, regex: __journal__(.+)}]}]", "p.yml:1:50: labelmap of the journal"},
        {"scrape_configs: [{journal: {json: true}}]", "p.yml:1:29: the line is the message here"},
        {"scrape_configs: [{journal: {}}, {journal: {}}]", "p.yml:1:34: the journal is read once"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct promtail p = {0};
        struct bole_err err = {0};
        if (promtail_convert(bole_slice_str(cases[i].text), "p.yml", &(struct promtail_options){0}, &p, &err) >= 0)
            fail_msg("taken: %s", cases[i].text);
        if (strncmp(err.msg, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s\n  not %s\n  of  %s", err.msg, cases[i].message, cases[i].text);
    }
}

/* Each brace of a glob costs a copy of what stands behind it. */
TEST(a_path_longer_than_paths_are_is_refused)
{
    struct promtail_options options = {0};
    struct promtail p;
    struct bole_err err = {0};
    struct buf text;
    buf_init(&text, NULL);
    buf_put_str(&text, "scrape_configs: [{static_configs: [{labels: {job: a, __path__: '/");
    for (int i = 0; i < 3000; i++)
        buf_put_str(&text, "{}");
    buf_put_str(&text, "'}}]}]");
    CHECK(promtail_convert(buf_slice(&text), "p.yml", &options, &p, &err) < 0);
    CHECK(strstr(err.msg, "a path with more than 4096 bytes"));
    buf_deinit(&text);
}

TEST(the_environment_is_put_in_where_that_is_asked_for)
{
    static const struct {
        const char *text, *wanted;
        bool expand;
    } cases[] = {
        {"'${DIR}/a'", "['/srv/a']", true},          {"'/${ENV:-b}/$$x'", "['/b/$x']", true}, {"'/${ENV:c}'", "['/c']", true},
        {"'/a${NO}'", "['/a']", true},               {"'/${DIR}'", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct promtail p = {0};
        struct bole_err err = {0};
        snprintf(text, sizeof text, "scrape_configs: [{static_configs: [{labels: {__path__: %s}}]}]", cases[i].text);
        bole_status st = promtail_convert(bole_slice_str(text), "p.yml", &(struct promtail_options){cases[i].expand, test_env}, &p, &err);
        if (*cases[i].wanted) {
            CHECK_OK(st, err);
            CHECK(memmem(p.yaml.ptr, p.yaml.len, cases[i].wanted, strlen(cases[i].wanted)));
        } else { /* braces without a comma are one alternative */
            CHECK_OK(st, err);
            CHECK(memmem(p.yaml.ptr, p.yaml.len, "['/$DIR']", 9));
        }
        promtail_deinit(&p);
    }
}

TEST(positions_of_promtail_are_where_reading_begins)
{
    char dir[] = "/tmp/bole-promtail-XXXXXX", path[64], positions[64];
    struct checkpoint c;
    struct bole_err err = {0};
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.log", dir);
    snprintf(positions, sizeof positions, "%s/positions.yaml", dir);
    FILE *f = fopen(path, "w");
    CHECK(f && fputs("one\ntwo\n", f) >= 0 && fclose(f) == 0);
    f = fopen(positions, "w");
    CHECK(f && fprintf(f, "positions:\n  cursor-other: no\n  cursor-journal: s=1;i=2\n  %s: \"4\"\n  %s/gone: \"7\"\n  /etc/passwd: \"99999999\"\n",
                       path, dir) > 0 && fclose(f) == 0);
    checkpoint_init(&c);
    CHECK_OK(promtail_positions(positions, S("journal"), &c, &err), err);
    CHECK_EQ_U64(c.file_count, 2);
    CHECK_EQ_SLICE(c.files[0].path, bole_slice_str(path));
    CHECK_EQ_U64(c.files[0].mark.offset, 4);
    CHECK_EQ_U64(c.files[1].mark.offset, 0); /* shorter than promtail says: it was truncated */
    CHECK_EQ_SLICE(c.journal_cursor, S("s=1;i=2"));
    checkpoint_deinit(&c);
    unlink(path);
    unlink(positions);
    checkpoint_init(&c);
    CHECK(promtail_positions(positions, S("journal"), &c, &err) == BOLE_E_NOTFOUND);
    checkpoint_deinit(&c);
    rmdir(dir);
}
