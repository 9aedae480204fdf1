/* agent_figures.h - what agents count of their inputs, by the same names in `bole agent` and in a server that reads files itself. */
#ifndef CMD_AGENT_FIGURES_H
#define CMD_AGENT_FIGURES_H

#include "agent/agent.h"
#include "serve/metrics.h"

enum { AGENT_FIGURES = 10 };

/* As api_options.agent_figures: fills AGENT_FIGURES and returns their number. Any thread, never waits. */
size_t agent_figures(struct agent *a, struct metrics_figure *ret_figures);

#endif
