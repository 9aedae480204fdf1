/*
 * spool_world.h - for tests: an agent with its spool on a disk in memory that can be cut off at its n-th call, log files of
 * its own, and a model of the server that knows what docs/receivers/push.md says and can be told to misbehave.
 */
#ifndef AGENT_SPOOL_WORLD_H
#define AGENT_SPOOL_WORLD_H

#include <pthread.h>

#include "agent/agent.h"
#include "agent/spool.h"
#include "base/arena.h"

/* A file system that dies at a call: that one and all later ones do nothing and fail. */
struct dying_fs {
    struct fs  base;
    struct fs *under;
    uint64_t   calls;      /* that change something; counted while die_at is set */
    uint64_t   die_at;     /* 0: never */
    bool       dead;
    bool       lying;      /* a mutant: files are not synced */
};

struct model_line { bole_slice line; unsigned count; };
struct model_lane { uint8_t producer[BATCH_PRODUCER_SIZE]; uint64_t mark; };

enum model_answer { MODEL_TAKES, MODEL_AWAY, MODEL_LOSES_ANSWERS };

struct model_server {
    pthread_mutex_t lock;
    struct arena arena;
    struct model_line lines[4096];
    size_t line_count;
    struct model_lane lanes[256];
    size_t lane_count;
    enum model_answer answer;
    uint64_t posts, gaps, duplicates;
    bool   eager;          /* a mutant of the network: says yes at once and brings the batch with the next */
    struct buf held;
};

struct world {
    char dir[64], glob[96];
    const char *globs[1];
    struct fs *disk;
    struct dying_fs fs;
    struct clock_manual clock;
    struct random random;
    struct model_server server;
    unsigned lane_count;
    uint64_t spool_bytes, away_ns;
    bool     drop_oldest;
    bool     threads;      /* lanes run by themselves: no deaths then, and the system's clock */
    bool     power;        /* a death is a power cut: what was not synced is gone */
    unsigned deaths;
    struct spool *spool;
    struct tail_sink *sink;
    struct agent *agent;
    size_t   written;      /* lines, each with its number: world_write */
};

void world_init(struct world *w, uint64_t seed);
void world_deinit(struct world *w);
void world_start(struct world *w);
void world_stop(struct world *w);  /* in good order, unless it is dead */
void world_kill(struct world *w);  /* as kill -9, or as a power cut; then the disk lives again */

void world_write(struct world *w, const char *name, unsigned lines);
const char *world_path(struct world *w, const char *name);
/* Rounds of agent and lanes until nothing happens any more; an agent that died on the way is started again. */
void world_pump(struct world *w);
void world_pass(struct world *w, uint64_t ns); /* then pumps */
struct spool_stats world_stats(struct world *w);

/* "" when every line that was written was stored once; else what is wrong. */
const char *world_verdict(struct world *w);

#endif
