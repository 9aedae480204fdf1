#include "cmd/pager.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager; /* 0: none; one per process, as its standard output is */

static const char *pager_command(void)
{
    const char *ours = getenv("BOLE_PAGER"), *common = getenv("PAGER");
    return ours ? ours : common ? common : "less";
}

static void run_pager(const char *command, int from)
{
    dup2(from, STDIN_FILENO);
    close(from);
    setenv("LESS", "FRX", 0); /* end when it fits, let colours through, leave the screen as it is */
    signal(SIGINT, SIG_IGN);  /* Ctrl-C ends the query, not what it has found */
    signal(SIGPIPE, SIG_DFL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

bool pager_start(void)
{
    const char *command = pager_command();
    int ends[2];
    if (!isatty(STDOUT_FILENO) || !*command || !strcmp(command, "cat") || pipe(ends) != 0)
        return false;
    pager = fork();
    if (pager == 0) {
        close(ends[1]);
        run_pager(command, ends[0]);
    }
    close(ends[0]);
    if (pager > 0)
        dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    if (pager < 0)
        pager = 0;
    return pager > 0;
}

void pager_end(void)
{
    if (!pager)
        return;
    close(STDOUT_FILENO);
    while (waitpid(pager, NULL, 0) < 0 && pager > 0) {
        /* a signal: it is still there */
        if (kill(pager, 0) != 0)
            break;
    }
    pager = 0;
}
