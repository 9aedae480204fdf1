#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

/* Commands come from `bole --help`, options from each command's own: nothing to keep in step with. */
static const char bash[] =
    "_bole() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(bole --help | sed -n 's/^  \\([a-z]\\+\\)  .*/\\1/p')\" -- \"$word\"))\n"
    "    elif [[ $word == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$(bole \"$command\" --help 2>/dev/null | grep -o -- '--[a-z-]\\+' | sort -u)\" -- "
    "\"$word\"))\n"
    "    elif [ \"$command\" = labels ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(bole labels 2>/dev/null)\" -- \"$word\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _bole bole\n";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num || strcmp(arg, "bash"))
            argp_error(state, "'%s': the shell that is known is bash", arg);
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which shell? bash"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {.parser = parse_option, .args_doc = "bash",
                                 .doc = "Prints what a shell needs to complete commands and options.\v"
                                        "Examples:\n"
                                        "  source <(bole completion bash)\n"
                                        "  bole completion bash > /etc/bash_completion.d/bole\n"};

int cmd_completion(int argc, char **argv)
{
    cmd_parse(&argp, argc, argv, NULL);
    fputs(bash, stdout);
    return EXIT_OK;
}
