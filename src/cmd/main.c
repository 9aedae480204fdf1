#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "os/memory.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", cmd_serve, "collect, store and search logs"},
    {"agent", cmd_agent, "read this machine's logs and send them to a server"},
    {"query", cmd_query, "search with LogQL"},
    {"tail", cmd_tail, "follow what arrives"},
    {"labels", cmd_labels, "list labels and their values"},
    {"series", cmd_series, "list the streams"},
    {"import", cmd_import, "send files to a server"},
    {"delete", cmd_delete, "delete what matches a query, with proof"},
    {"sources", cmd_sources, "list who sends: clients, rates, lag, errors"},
    {"dlq", cmd_dlq, "dead letters: see, send again or drop what could not be processed"},
    {"open", cmd_open, "look at a file or a stream in the browser, with nothing installed"},
    {"backup", cmd_backup, "save what a running server holds"},
    {"restore", cmd_restore, "make a data directory from a backup"},
    {"check", cmd_check, "verify every byte of a data directory"},
    {"inspect", cmd_inspect, "show what a segment file is made of"},
    {"produce", cmd_produce, "write lines as applications do, for demonstrations and load"},
    {"process", cmd_process, "try the rules that records pass on sample lines"},
    {"completion", cmd_completion, "complete commands and options in a shell"},
    {"version", cmd_version, "print the version"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_usage(FILE *out)
{
    fputs("usage: bole COMMAND [OPTION...]\n\n"
          "Bole collects logs, never loses a line it acknowledged, and finds any of them at once.\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`bole COMMAND --help` explains a command with examples. Quick start:\n\n"
          "  bole serve --tail-system                 # this machine's logs, http://127.0.0.1:3100\n"
          "  bole query '{job=\"varlogs\"} |= \"error\"'   # search them\n"
          "  bole open /var/log/syslog                # or just look at a file\n",
          out);
}

/* How many edits turn a into b: the nearest known name is worth more than "unknown command". */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], la = strlen(a), lb = strlen(b);
    if (lb >= 32 || la >= 32)
        return 32;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]), cheapest = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = change < cheapest + 1 ? change : cheapest + 1;
        }
    }
    return row[lb];
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2 || !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        name = "version";
    if (!strcmp(name, "serve"))
        memory_ask_huge_pages(argv);
    const struct command *nearest = &commands[0];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!strcmp(name, commands[i].name)) {
            char title[32];
            if (argc > 2 && !strcmp(argv[2], "-h"))
                argv[2] = (char *)"--help";
            snprintf(title, sizeof title, "bole %s", name);
            argv[1] = title;
            return commands[i].run(argc - 1, argv + 1);
        }
        if (distance(name, commands[i].name) < distance(name, nearest->name))
            nearest = &commands[i];
    }
    fprintf(stderr, "bole: unknown command '%s'", name);
    if (distance(name, nearest->name) <= 3)
        fprintf(stderr, ", did you mean '%s'?", nearest->name);
    fputs("\n`bole --help` lists the commands.\n", stderr);
    return EXIT_USAGE;
}
