/* agent_door.h - what an agent tells about itself: /metrics, /ready and /api/v1/agent. */
#ifndef CMD_AGENT_DOOR_H
#define CMD_AGENT_DOOR_H

#include "agent/agent.h"
#include "agent/spool.h"

struct agent_door;

struct agent_door_options {
    const char *listen;     /* "127.0.0.1:3101" */
    const char *server_url; /* borrowed */
    struct agent *agent;
    struct spool *spool;
};

bole_status agent_door_open(const struct agent_door_options *options, struct agent_door **ret_door, struct bole_err *err);
void agent_door_close(struct agent_door *d); /* NULL is fine */

#endif
