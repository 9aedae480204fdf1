#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "base/timefmt.h"
#include "process/pipeline.h"
#include "record/labels.h"

struct fixture {
    struct process     *process;
    struct process_run  run;
    struct clock_manual clock;
    struct buf          text, labels;
    struct batch_field  fields[8];
    char                path[64], key_path[64];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void fixture_init(struct fixture *f, const char *rules)
{
    struct bole_err err;
    struct label labels[] = {{S("app"), S("shop")}, {S("env"), S("prod")}};
    *f = (struct fixture){0};
    snprintf(f->path, sizeof f->path, "/tmp/bole-process-%d.yml", (int)getpid());
    snprintf(f->key_path, sizeof f->key_path, "/tmp/bole-process-%d.key", (int)getpid());
    write_file(f->key_path, "0123456789abcdef0123456789abcdef\n");
    write_file(f->path, rules);
    clock_manual_init(&f->clock, 1795255200 * NS_PER_S);
    clock_manual_advance(&f->clock, NS_PER_S);
    buf_init(&f->text, NULL);
    buf_init(&f->labels, NULL);
    CHECK_OK(labels_encode(labels, 2, &f->labels, &err), err);
    process_run_init(&f->run, NULL);
    CHECK_OK(process_create(f->path, &f->process, &err), err);
    process_run_begin(&f->run, f->process, &f->clock.base);
}

static void fixture_deinit(struct fixture *f)
{
    process_run_deinit(&f->run);
    process_destroy(f->process);
    buf_deinit(&f->text);
    buf_deinit(&f->labels);
    unlink(f->path);
    unlink(f->key_path);
}

/* Runs a line with fields "a=b c=d"; the answer is `outcome line | fields | labels`, or `outcome: why`. */
static bole_slice pass(struct fixture *f, bole_slice line, const char *fields)
{
    struct process_record r = {.tenant = S("t"), .labels = buf_slice(&f->labels), .line = line, .fields = f->fields};
    bole_slice rest = bole_slice_str(fields);
    while (rest.len) {
        bole_slice value, name = bole_slice_cut(bole_slice_cut(rest, ' ', &rest), '=', &value);
        f->fields[r.field_count++] = (struct batch_field){name, value};
    }
    enum process_outcome outcome = process_run_record(&f->run, &r);
    buf_reset(&f->text);
    buf_put_str(&f->text, process_outcome_name(outcome));
    if (outcome > PROCESS_CHANGED) {
        buf_put_str(&f->text, ": ");
        buf_put(&f->text, f->run.why);
        return buf_slice(&f->text);
    }
    buf_put_u8(&f->text, ' ');
    buf_put(&f->text, r.line);
    buf_put_str(&f->text, " |");
    for (size_t i = 0; i < r.field_count; i++)
        buf_printf(&f->text, " %.*s=%.*s", BOLE_SLICE_ARG(r.fields[i].key), BOLE_SLICE_ARG(r.fields[i].value));
    buf_printf(&f->text, " | %.*s ", BOLE_SLICE_ARG(r.tenant));
    labels_print(r.labels, &f->text);
    return buf_slice(&f->text);
}

#define STREAM " | t {app=\"shop\", env=\"prod\"}"

static const struct {
    const char *rules, *line, *fields, *result;
} steps[] = {
    /* validate */
    {"- require: [user, id]", "x", "user=a id=7", "kept x | user=a id=7" STREAM},
    {"- require: [user, id]", "x", "user=a", "refused_schema: field \"id\" is missing"},
    {"- require: env", "x", "", "kept x |" STREAM},
    {"- types: {n: int}", "x", "n=-12", "kept x | n=-12" STREAM},
    {"- types: {n: int}", "x", "n=1.5", "refused_schema: field \"n\" is no int"},
    {"- types: {n: number, b: bool, t: time, a: ip}", "x", "n=1.5e3 b=true t=2026-11-21T10:00:00Z a=::1",
     "kept x | n=1.5e3 b=true t=2026-11-21T10:00:00Z a=::1" STREAM},
    {"- types: {a: ip}", "x", "a=1.2.3", "refused_schema: field \"a\" is no ip"},
    {"- types: {n: number}", "x", "n=1e", "refused_schema: field \"n\" is no number"},
    {"- allowed: {env: [prod, test]}", "x", "", "kept x |" STREAM},
    {"- allowed: {env: [test]}", "x", "", "refused_schema: field \"env\" has a value that is not allowed"},
    /* enrich */
    {"- set: {team: shop, where: \"${env}/${n}!\"}", "x", "n=1", "changed x | n=1 team=shop where=prod/1!" STREAM},
    {"- set: {n: \"2\"}", "x", "n=1", "changed x | n=2" STREAM},
    {"- rename: {usr: user}", "x", "usr=a user=b", "changed x | user=a" STREAM},
    {"- rename: {usr: user}", "x", "n=1", "kept x | n=1" STREAM},
    {"- remove: [a, b]", "x", "a=1 c=2", "changed x | c=2" STREAM},
    {"- remove: a", "x", "c=2", "kept x | c=2" STREAM},
    /* derive */
    {"- derive: 'status=(?P<status>\\d+)'", "GET status=500", "", "changed GET status=500 | status=500" STREAM},
    {"- derive: {from: p, pattern: '^/(?P<top>[^/]+)'}", "x", "p=/api/v1", "changed x | p=/api/v1 top=api" STREAM},
    {"- derive: 'status=(?P<status>\\d+)'", "no", "", "kept no |" STREAM},
    /* redact */
    {"- redact: {detect: email}", "to a@b.co", "u=c@d.io", "changed to [email] | u=[email]" STREAM},
    {"- redact: {detect: card, keep: 4}", "4111 1111 1111 1111", "", "changed ****1111 |" STREAM},
    {"- redact: {detect: card, in: fields}", "4111111111111111", "", "kept 4111111111111111 |" STREAM},
    {"- redact: {detect: card}", "{\"n\":4111111111111111,\"s\":\"n: 4111111111111111\"}", "",
     "changed {\"n\":\"[card]\",\"s\":\"n: [card]\"} |" STREAM},
    {"- redact: {detect: secret}", "x", "db_password=hunter2 n=1", "changed x | db_password=[password] n=1" STREAM},
    {"- redact: {patterns: 'id=(\\w+)'}", "id=abc id=d", "", "changed id=[pattern] id=[pattern] |" STREAM},
    {"- redact: {patterns: ['foo', 'b.r'], keep: 1}", "foobar", "", "changed ****o****r |" STREAM},
    {"- redact: {detect: email, action: drop}", "a@b.co", "", "dropped: found email"},
    {"- redact: {patterns: prod}", "x", "", "changed x | | t {app=\"shop\", env=\"[pattern]\"}"},
    /* sample, drop, route */
    {"- sample: 1", "x", "", "changed x | sample_rate=1" STREAM},
    {"- sample: {keep: 0.0001%, by: n}", "x", "n=1", "dropped: not in the sample"},
    {"- drop: true", "x", "", "dropped: the rule says so"},
    {"- route: {tenant: acme, labels: {app: , team: a, env: e}}", "x", "", "changed x | | acme {env=\"e\", team=\"a\"}"},
    {"- route: {labels: {app: , env: }}", "x", "", "refused_schema: the stream would have no labels"},
    /* conditions */
    {"- {match: '{app=\"shop\", env!~\"te.*\"}', drop: true}", "x", "", "dropped: the rule says so"},
    {"- {match: '{app=\"other\"}', drop: true}", "x", "", "kept x |" STREAM},
    {"- {match: {level: [error, fatal]}, drop: true}", "an error", "", "dropped: the rule says so"},
    {"- {match: {level: error}, drop: true}", "fine", "", "kept fine |" STREAM},
    {"- {match: {level: error}, drop: true}", "fine", "detected_level=error", "dropped: the rule says so"},
    {"- {match: {tenant: [t]}, drop: true}", "x", "", "dropped: the rule says so"},
    {"- {match: {tenant: u}, drop: true}", "x", "", "kept x |" STREAM},
    {"- {match: {fields: '{n=~\"5..\"}'}, drop: true}", "x", "n=500", "dropped: the rule says so"},
    {"- {match: {fields: '{n=~\"5..\"}', line: 'a+b'}, drop: true}", "x", "n=500", "kept x | n=500" STREAM},
    {"- {match: {longer: 3B}, drop: true}", "abcd", "", "dropped: the rule says so"},
    {"- {match: {longer: 4B}, drop: true}", "abcd", "", "kept abcd |" STREAM},
    {"- {match: {older: 1h}, drop: true}", "x", "", "dropped: the rule says so"}, /* the record is of 1970 */
    /* json, logfmt */
    {"- json: {fields: {user: user.name, n: , t: 'tags[1]', d: '\"a.b\".c', gone: x.y, nul: }}",
     "{\"user\":{\"name\":\"j\\u00f6\\n\"}, \"n\":1.50,\"tags\":[1,{\"k\":[]}],\"a.b\":{\"c\":true},\"nul\":null}", "",
     "changed {\"user\":{\"name\":\"j\\u00f6\\n\"}, \"n\":1.50,\"tags\":[1,{\"k\":[]}],\"a.b\":{\"c\":true},\"nul\":null} "
     "| user=j\xc3\xb6\n n=1.50 t={\"k\":[]} d=true" STREAM},
    {"- json: {fields: {a: }}", "{\"a\":1} x", "", "kept {\"a\":1} x |" STREAM},
    {"- json: {fields: {a: }, drop_malformed: true}", "{\"a\":1", "", "dropped: "},
    {"- json: {from: p, fields: {a: }}", "x", "p={\"a\":\"b\",\"a\":\"c\"}", "changed x | p={\"a\":\"b\",\"a\":\"c\"} a=c" STREAM},
    {"- logfmt: {fields: {level: lvl, msg: }}", "lvl=info bare msg=\"a \\\"b\\\"\" x=", "",
     "changed lvl=info bare msg=\"a \\\"b\\\"\" x= | level=info msg=a \"b\"" STREAM},
    {"- logfmt: {fields: {a: , b: }}", "a=1 c=\"open b=2", "", "changed a=1 c=\"open b=2 | a=1" STREAM},
    /* line, replace */
    {"- line: '${env}: ${m}'", "x", "m=y", "changed prod: y | m=y" STREAM},
    {"- line: '${m}'", "x", "", "kept x |" STREAM},
    {"- replace: {pattern: 'u=(\\S+) (b|z)', with: '*'}", "u=joe b u=ann c u=x z", "", "changed u=* * u=ann c u=* * |" STREAM},
    {"- replace: {pattern: '\\d'}", "a1b22", "", "changed ab |" STREAM},
    {"- replace: {pattern: '((a)b)', with: x}", "abab", "", "changed xx |" STREAM},
    {"- replace: {pattern: '^x*', with: y, in: m}", "l", "m=ab", "changed l | m=yab" STREAM},
    {"- replace: {pattern: q, with: y}", "l", "", "kept l |" STREAM},
    /* labels of fields */
    {"- route: {labels: {app: '${a}', env: '${b}-x', level: '${c}'}}", "l", "a=new c=", "changed l | a=new c= | t {app=\"new\", env=\"-x\"}"},
    {"- route: {keep: env}", "l", "", "changed l | | t {env=\"prod\"}"},
    {"- route: {labels: {n: '${n}'}, keep: [no]}", "l", "n=1", "changed l | n=1 | t {n=\"1\"}"},
    {"- route: {keep: no}", "l", "", "refused_schema: the stream would have no labels"},
    /* rules below a rule */
    {"- {match: '{app=\"shop\"}', rules: [{route: {labels: {app: new}}}, {set: {a: b}}]}\n- {match: '{app=\"shop\"}', drop: true}", "x", "",
     "changed x | a=b | t {app=\"new\", env=\"prod\"}"},
    {"- {match: '{app=\"other\"}', rules: [{drop: true}]}\n- set: {a: b}", "x", "", "changed x | a=b" STREAM},
    {"- {match: {line: y}, rules: [{drop: true}, {rules: [{drop: true}]}]}\n- set: {a: b}", "x", "", "changed x | a=b" STREAM},
    {"- {match: {line: x}, rules: [{line: y}, {match: {line: x}, rules: [{drop: true}]}, {match: '{app=\"shop\"}', set: {a: b}}]}", "x", "",
     "changed y | a=b" STREAM},
    {"- rules: [{route: {labels: {app: a}}}, {match: '{app=\"a\"}', rules: [{route: {labels: {app: b}}}, {set: {c: d}}]}, {set: {e: f}}]",
     "x", "", "changed x | c=d e=f | t {app=\"b\", env=\"prod\"}"},
    /* in order: what a rule did, the next one sees */
    {"- route: {labels: {app: new}}\n- {match: '{app=\"new\"}', set: {a: b}}\n- {match: '{app=\"shop\"}', drop: true}", "x", "",
     "changed x | a=b | t {app=\"new\", env=\"prod\"}"},
    {"- route: {tenant: acme}\n- {match: {tenant: acme}, set: {a: b}}\n- {match: {tenant: t}, drop: true}", "x", "",
     "changed x | a=b | acme {app=\"shop\", env=\"prod\"}"},
    {"- redact: {detect: email}\n- {match: {line: 'a@b'}, drop: true}\n- {match: {line: 'o \\[email\\]'}, set: {a: b}}", "to a@b.co", "",
     "changed to [email] | a=b" STREAM},
    {"- redact: {patterns: ['foo', 'tern.']}", "foo", "", "changed [pat[pattern] |" STREAM},
    {"- derive: 'u=(?P<u>\\S+)'\n- redact: {detect: email}", "u=a@b.co", "", "changed u=[email] | u=[email]" STREAM},
};

TEST(each_step_does_what_its_page_says)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct fixture f;
        char rules[1024];
        snprintf(rules, sizeof rules, "rules:\n%s\n", steps[i].rules);
        fixture_init(&f, rules);
        for (int again = 0; again < 2; again++) { /* what is remembered about the stream changes nothing */
            bole_slice got = pass(&f, bole_slice_str(steps[i].line), steps[i].fields);
            CHECK_EQ_SLICE(got, bole_slice_str(steps[i].result));
        }
        fixture_deinit(&f);
    }
}

TEST(a_time_is_read_by_its_format)
{
    static const struct {
        const char *step, *field, *utc;
    } cases[] = {
        {"{from: ts, format: rfc3339}", "ts=2026-11-21T10:00:00.25+01:00", "2026-11-21T09:00:00.25Z"},
        {"{from: ts, format: unix}", "ts=1795255200.5", "2026-11-21T10:00:00.5Z"},
        {"{from: ts, format: unix_ms}", "ts=1795255200123", "2026-11-21T10:00:00.123Z"},
        {"{from: ts, format: unix_ns}", "ts=1795255200123456789", "2026-11-21T10:00:00.123456789Z"},
        {"{from: ts, format: [unix, '02/Jan/2006:15:04:05 -0700']}", "ts=21/Nov/2026:10:00:00_+0100", "2026-11-21T09:00:00Z"},
        {"{from: ts, format: '2006-01-02 15:04:05', zone: Europe/Berlin}", "ts=2026-11-21_10:00:00", "2026-11-21T09:00:00Z"},
        {"{from: ts, format: 'Jan _2 15:04:05'}", "ts=Nov_21_09:00:00", "2026-11-21T09:00:00Z"},
        {"{from: ts, format: 'Jan _2 15:04:05', zone: Europe/Berlin}", "ts=Dec_24_18:00:00", "2025-12-24T17:00:00Z"},
        {"{from: ts, format: unix}", "ts=1795255200x", "1970-01-01T00:00:00Z"},
        {"{from: ts, format: unix_ms}", "ts=9223372036854775807", "1970-01-01T00:00:00Z"},
        {"{from: no, format: unix}", "ts=1", "1970-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        char rules[256], value[64], got[TIME_TEXT_MAX];
        snprintf(rules, sizeof rules, "rules:\n- time: %s\n", cases[i].step);
        snprintf(value, sizeof value, "%s", cases[i].field + 3);
        for (char *c = value; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        fixture_init(&f, rules);
        f.fields[0] = (struct batch_field){S("ts"), bole_slice_str(value)};
        struct process_record r = {.tenant = S("t"), .labels = buf_slice(&f.labels), .line = S("l"), .fields = f.fields, .field_count = 1};
        process_run_record(&f.run, &r);
        time_format_rfc3339(r.time_ns, -1, got);
        CHECK_EQ_SLICE(bole_slice_str(got), bole_slice_str(cases[i].utc));
        fixture_deinit(&f);
    }
}

static const struct {
    const char *text, *message;
} wrong[] = {
    {"rules:\n- json: {user: name}\n", "x.yml:2:10: unknown key \"user\""},
    {"rules:\n- json: {from: x}\n", "x.yml:2:9: fields is a map: {name of the field: where it stands}"},
    {"rules:\n- json: {fields: {a: 'b[*]'}}\n", "x.yml:2:22: 'b[*]' is no path; write user.name, \"a.b\".c, tags[0]"},
    {"rules:\n- time: {from: x}\n", "x.yml:2:9: time needs from, a field, and its format"},
    {"rules:\n- time: {from: x, format: unix, zone: Mars/Base}\n", "x.yml:2:39: the system knows no time zone 'Mars/Base'"},
    {"rules:\n- replace: {with: x}\n", "x.yml:2:12: replace needs a pattern, and what stands there then (with)"},
    {"rules:\n- rules: [{drop: true}, {drp: true}]\n", "x.yml:2:26: unknown key \"drp\"; did you mean \"drop\"?"},
    {"rules:\n- redcat: {detect: email}\n", "x.yml:2:3: unknown key \"redcat\"; did you mean \"redact\"?"},
    {"ruels: []\n", "x.yml:1:1: unknown key \"ruels\"; did you mean \"rules\"?"},
    {"rules:\n- redact: {detect: emial}\n", "x.yml:2:20: unknown detector \"emial\"; did you mean \"email\"?"},
    {"rules:\n- redact: {patterns: 'a(b'}\n", "x.yml:2:22: error parsing regexp: missing closing ): `a(b`"},
    {"rules:\n- redact: {patterns: 'a*'}\n", "x.yml:2:22: the pattern matches an empty text, so it would everywhere"},
    {"rules:\n- redact: {detect: ip, action: hash}\n",
     "x.yml:2:11: hashes need a key that nobody can guess: key_file, in front of the rules"},
    {"rules:\n- redact: {detect: ip, action: hide}\n", "x.yml:2:32: action is one of mask, hash, drop"},
    {"rules:\n- derive: '\\d+'\n", "x.yml:2:11: the pattern has no named group (?P<name>...), and each makes a field"},
    {"rules:\n- {drop: true, set: {a: b}}\n", "x.yml:2:16: a rule has one step, and this is its second: write a rule of its own"},
    {"rules:\n- {match: '{app=shop}', drop: true}\n",
     "x.yml:2:11: '{app=shop}' is no condition; write {app=\"shop\", env!=\"test\", host=~\"web.*\"}"},
    {"rules:\n- types: {n: nunber}\n", "x.yml:2:14: a type is one of int, number, bool, time, ip; did you mean \"number\"?"},
    {"rules:\n- sample: 200%\n", "x.yml:2:11: the part to keep is a number from 1e-06 to 1"},
    {"rules:\n- dedupe: soon\n", "x.yml:2:11: the window is a time: 10s, 1m30s"},
    {"rules:\n- route: {tenant: ../x}\n", "x.yml:2:19: '../x' is no tenant's name"},
    {"rules:\n- route: {labels: {a-b: c}}\n", "x.yml:2:20: a label's name has letters, digits and _"},
    {"rules:\n- drop: maybe\n", "x.yml:2:9: write drop: true"},
    {"rules:\n- {name: x}\n", NULL},
    {"rules: 7\n", "x.yml:1:8: rules is a list"},
    {"rules:\n- 7\n", "x.yml:2:3: a map is expected here"},
    {"rules:\n- rate: {records: 5, burst: 0}\n", "x.yml:2:29: burst is a number from 1 to 1e+09"},
    {"rules:\n- set: {a: \"${b\"}\n", "x.yml:2:12: ${ without a name and }"},
    {"rules:\n- match: {strem: x}\n", "x.yml:2:11: unknown key \"strem\"; did you mean \"stream\"?"},
};

TEST(what_is_wrong_is_told_with_its_place)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pipeline *p = NULL;
        struct bole_err err;
        CHECK(pipeline_parse(bole_slice_str(wrong[i].text), "x.yml", &p, &err) < 0);
        CHECK(p == NULL);
        if (wrong[i].message)
            CHECK_EQ_SLICE(bole_slice_str(err.msg), bole_slice_str(wrong[i].message));
    }
}

TEST(hashes_are_the_same_for_the_same_and_depend_on_the_key)
{
    struct fixture f;
    char rules[256], first[128];
    snprintf(rules, sizeof rules, "key_file: /tmp/bole-process-%d.key\nrules:\n- redact: {detect: email, action: hash}\n", (int)getpid());
    fixture_init(&f, rules);
    bole_slice got = pass(&f, S("a@b.co"), "");
    CHECK(bole_slice_starts(got, S("changed [email:")));
    snprintf(first, sizeof first, "%.*s", BOLE_SLICE_ARG(got));
    CHECK_EQ_SLICE(pass(&f, S("a@b.co"), ""), bole_slice_str(first));
    CHECK(!bole_slice_eq(pass(&f, S("c@b.co"), ""), bole_slice_str(first)));
    write_file(f.key_path, "another key that is long enough");
    struct bole_err err;
    bool changed = false;
    CHECK_OK(process_reload(f.process, &changed, &err), err);
    CHECK(changed);
    process_run_begin(&f.run, f.process, &f.clock.base);
    CHECK(!bole_slice_eq(pass(&f, S("a@b.co"), ""), bole_slice_str(first)));
    fixture_deinit(&f);
}

static void next_request(struct fixture *f, uint64_t after_ns)
{
    clock_manual_advance(&f->clock, after_ns);
    process_run_begin(&f->run, f->process, &f->clock.base);
}

TEST(rate_lets_a_burst_and_then_so_many_a_second_through)
{
    struct fixture f;
    fixture_init(&f, "rules:\n- rate: {records: 2, burst: 3}\n");
    for (int i = 0; i < 3; i++)
        CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("refused_rate: more than 2 records a second"));
    next_request(&f, NS_PER_S);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("refused_rate: more than 2 records a second"));
    fixture_deinit(&f);
}

TEST(dedupe_keeps_the_first_and_counts_the_rest)
{
    struct fixture f;
    fixture_init(&f, "rules:\n- dedupe: 10s\n");
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("dropped: the same came within the window"));
    CHECK_EQ_SLICE(pass(&f, S("y"), ""), S("kept y |" STREAM));
    next_request(&f, 9 * NS_PER_S);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("dropped: the same came within the window"));
    next_request(&f, 2 * NS_PER_S);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("changed x | repeated=2" STREAM));
    fixture_deinit(&f);
}

/* Else a sender that was told "again, please" would have its records dropped as known. */
TEST(what_was_not_stored_does_not_count_as_seen)
{
    struct fixture f;
    fixture_init(&f, "rules:\n- dedupe: 10s\n");
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    process_forget(f.process);
    next_request(&f, 1);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("kept x |" STREAM));
    f.run.dry = true;
    CHECK_EQ_SLICE(pass(&f, S("z"), ""), S("kept z |" STREAM));
    f.run.dry = false;
    CHECK_EQ_SLICE(pass(&f, S("z"), ""), S("kept z |" STREAM));
    fixture_deinit(&f);
}

TEST(sampling_keeps_about_the_part_it_should_and_whole_groups)
{
    struct fixture f;
    int kept = 0;
    fixture_init(&f, "rules:\n- sample: 10%\n");
    for (int i = 0; i < 10000; i++)
        kept += pass(&f, S("x"), "").ptr[0] == 'c';
    CHECK(kept > 800 && kept < 1200);
    fixture_deinit(&f);
    fixture_init(&f, "rules:\n- sample: {keep: 50%, by: id}\n");
    for (int i = 0; i < 100; i++) {
        char field[32];
        snprintf(field, sizeof field, "id=%d", i);
        uint8_t first = pass(&f, S("x"), field).ptr[0];
        CHECK_EQ_U64(pass(&f, S("y"), field).ptr[0], first);
    }
    fixture_deinit(&f);
}

TEST(a_wrong_file_leaves_the_old_rules_in_force)
{
    struct fixture f;
    struct bole_err err;
    bool changed = false;
    fixture_init(&f, "rules:\n- drop: true\n");
    write_file(f.path, "rules:\n- dorp: true\n");
    CHECK(process_reload(f.process, &changed, &err) < 0);
    CHECK(strstr(err.msg, ":2:3: unknown key \"dorp\""));
    next_request(&f, 1);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("dropped: the rule says so"));
    write_file(f.path, "rules:\n- set: {a: b}\n");
    CHECK_OK(process_reload(f.process, &changed, &err), err);
    CHECK(changed);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("dropped: the rule says so")); /* the request keeps what it began with */
    next_request(&f, 1);
    CHECK_EQ_SLICE(pass(&f, S("x"), ""), S("changed x | a=b" STREAM));
    fixture_deinit(&f);
}

TEST(hostile_lines_pass)
{
    struct fixture f;
    enum { SIZE = 1 << 20 };
    uint8_t *line = malloc(SIZE);
    memset(line, 0xff, SIZE);
    memcpy(line + SIZE - 6, "a@b.co", 6);
    line[SIZE - 7] = 0;
    fixture_init(&f, "rules:\n- redact: {detect: all, patterns: ['x+y', '(?i)secret']}\n- derive: '(?P<a>z+)'\n- dedupe: 1s\n");
    bole_slice got = pass(&f, bole_slice_from(line, SIZE), "");
    CHECK_EQ_U64(got.len, strlen("changed ") + SIZE - 6 + strlen("[email] |" STREAM));
    for (size_t i = 0; i + 6 <= SIZE; i += 6)
        memcpy(line + i, "a@b.co", 6);
    CHECK(bole_slice_starts(pass(&f, bole_slice_from(line, 60), ""), S("changed [email]")));
    got = pass(&f, S("\0\0a@b.co\0"), "");
    CHECK(memmem(got.ptr, got.len, "\0\0[email]\0", 10));
    fixture_deinit(&f);
    free(line);
}

TEST(figures_count_what_each_rule_did)
{
    struct fixture f;
    struct process_figures *figures = malloc(sizeof *figures);
    struct pipeline *held;
    fixture_init(&f, "rules:\n- {name: mails, redact: {detect: email}}\n- {match: {line: bad}, drop: true}\n");
    pass(&f, S("a@b.co"), "");
    pass(&f, S("bad"), "");
    pass(&f, S("good"), "");
    process_run_end(&f.run);
    process_get_figures(f.process, figures, &held);
    CHECK_EQ_U64(figures->rule_count, 2);
    CHECK_EQ_SLICE(figures->rules[0].name, S("mails"));
    CHECK_EQ_U64(figures->rules[0].outcomes[PROCESS_CHANGED], 1);
    CHECK_EQ_U64(figures->rules[0].outcomes[PROCESS_KEPT], 2);
    CHECK_EQ_U64(figures->rules[1].outcomes[PROCESS_DROPPED], 1);
    CHECK_EQ_U64(figures->rules[1].line, 3);
    CHECK_EQ_U64(strlen(figures->version), 16);
    pipeline_unref(held);
    free(figures);
    fixture_deinit(&f);
}
