/*
 * agent_config.h - what `bole agent` is told: by a YAML file, the environment and flags (docs/agent.md).
 *
 * Owner: texts are of the command line or of the settings: agent_config_deinit.
 */
#ifndef CMD_AGENT_CONFIG_H
#define CMD_AGENT_CONFIG_H

#include <stdbool.h>

#include "agent/agent.h"
#include "agent/promtail.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"

enum { AGENT_GLOBS_MAX = 256 };

#define AGENT_STATE_NAME "bole-agent/checkpoint"
#define AGENT_LISTEN     "127.0.0.1:3101"

struct agent_config {
    struct connection_options connection;
    struct settings settings;
    const char *path;                    /* of the file; NULL: none */
    const char *promtail;                /* of promtail's file, which stands for that one; NULL: none */
    bool        expand_env, convert;     /* of it: ${NAME}; print what it is here, and end */
    const char *globs[AGENT_GLOBS_MAX];  /* wanted; from the file, then the command line */
    size_t      glob_count;
    const char *excludes[AGENT_GLOBS_MAX];
    size_t      exclude_count;
    const char *state;                   /* NULL: the default */
    const char *detect;                  /* traces in all files, "java,go"; NULL: as the configuration file says */
    struct multiline *multiline;         /* NULL: each line is a record */
    struct inputs *inputs;               /* of files with labels of their own */
    struct pipe_input_options pipes[PIPE_INPUTS_MAX];
    size_t      pipe_count;
    struct kube_options kube;            /* url NULL: the API is not asked */
    const char *kube_labels[KUBE_NAMES_MAX], *kube_annotations[KUBE_NAMES_MAX];
    bool        no_kube;
    char        kube_url[512], node[256];
    bool        use_stdin;               /* the first of them is standard input */
    bool        to_stdout;               /* records go there, not to a server */
    const char *process_file;            /* NULL: those of the configuration file, if any */
    bool        has_rules;               /* it has */
    const char *listen;                  /* "off": nowhere */
    bool        no_journal;
    bool        check;                   /* show what would be read, and end */
    unsigned    lanes;
    uint64_t    spool_bytes;             /* 0: the default */
    bool        drop_oldest;
};

/* Ends the program with a usage error when something is wrong. */
void agent_config_parse(struct agent_config *c, int argc, char **argv);
void agent_config_deinit(struct agent_config *c);

/* Nothing is read but standard input: when that ends the agent has done its work. */
static inline bool agent_config_ends(const struct agent_config *c)
{
    return c->use_stdin && c->pipe_count == 1 && c->glob_count == 0 && !inputs_glob(c->inputs, 0) && c->no_journal;
}

/* What is read: the globs of the configuration, else the default ones; and what is not. The arrays are filled. */
struct agent_globs {
    const char *includes[AGENT_GLOBS_MAX], *excludes[2 * AGENT_GLOBS_MAX + 1];
    size_t include_count, exclude_count;
    struct inputs *inputs; /* NULL: those of the configuration, which it owns */
    struct config *file;   /* owns the texts; NULL: the configuration does */
};
void agent_config_globs(const struct agent_config *c, struct agent_globs *ret_globs);

void agent_globs_deinit(struct agent_globs *g); /* all zero is fine */

/* Reads files.include, files.exclude and inputs again; others hold from the next start on. The globs given on the command line
 * stay. BOLE_E_INVALID: nothing has changed. */
bole_status agent_config_reload(const struct agent_config *c, struct agent_globs *ret_globs, struct bole_err *err);

/* The rules that all says. ret_process NULL: there are none. */
bole_status agent_config_process(const struct agent_config *c, struct process **ret_process, struct bole_err *err);
/* What promtail's file is as one of ours, its notes in front as comments. */
bole_status agent_config_convert(const struct agent_config *c, struct promtail *ret_promtail, struct bole_err *err);

/* `bole agent status`: what the agent that runs on this machine says (agent_door.h). */
int cmd_agent_status(int argc, char **argv);

#endif
