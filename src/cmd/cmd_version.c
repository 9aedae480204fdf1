#include <stdio.h>

#include "cmd/cmd.h"

static const struct argp argp = {.doc = "Prints the version of this program."};

int cmd_version(int argc, char **argv)
{
    cmd_parse(&argp, argc, argv, NULL);
    puts("bole " BOLE_VERSION);
    return EXIT_OK;
}
