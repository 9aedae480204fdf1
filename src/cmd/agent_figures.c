#include "cmd/agent_figures.h"

#include <string.h>

size_t agent_figures(struct agent *a, struct metrics_figure *ret_figures)
{
    struct agent_sums sums;
    agent_get_sums(a, &sums);
    const struct metrics_figure figures[] = {
        {"inputs", "Files and the journal that are known.", true, sums.inputs},
        {"inputs_unread", "Of them, those that are skipped or cannot be read.", true, sums.unread},
        {"lag_bytes", "Bytes of files that are not read yet.", true, sums.lag_bytes},
        {"lines_total", "Lines read from the inputs that are known now.", false, sums.lines},
        {"bytes_total", "Their bytes.", false, sums.bytes},
        {"cut_lines_total", "Lines over the limit, which were cut.", false, sums.cut_lines},
        {"split_lines_total", "Last lines taken without their end.", false, sums.split_lines},
        {"skipped_bytes_total", "Rests of cut lines, and holes.", false, sums.skipped_bytes},
        {"truncations_total", "Files that were written anew.", false, sums.truncations},
        {"input_errors_total", "Failures of reading.", false, sums.errors},
    };
    _Static_assert(sizeof figures / sizeof *figures == AGENT_FIGURES, "what the header says");
    memcpy(ret_figures, figures, sizeof figures);
    return AGENT_FIGURES;
}
