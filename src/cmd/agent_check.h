/* agent_check.h - `bole agent --check`: what would be read, and what is made of the last line of each input. */
#ifndef CMD_AGENT_CHECK_H
#define CMD_AGENT_CHECK_H

#include "cmd/agent_config.h"

int agent_check(const struct agent_config *c);

#endif
