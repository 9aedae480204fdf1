/*
 * level.h - Loki's detected_level: how bad a line says that it is.
 *
 * Order, as in Loki's distributor (3.7, default settings): metadata `detected_level` is kept and spelled normally; else
 * a stream label, else a metadata field with one of the names of level_name_rank, the lowest rank first; else OTLP's
 * severity_number; else the line: a JSON line's first such string within two levels of nesting, a logfmt line's value
 * of lowest rank; else the first level word that stands alone in the line; else unknown.
 *
 * Owner:   results are constants or the argument itself.
 * Threads: any.
 */
#ifndef PROCESS_LEVEL_H
#define PROCESS_LEVEL_H

#include "base/slice.h"

#define LEVEL_FIELD           S("detected_level")
#define LEVEL_SEVERITY_NUMBER S("severity_number") /* OTLP, 0..24 as text */
#define LEVEL_RANK_NONE       0xffffu

/* Place of a field or label name among those that hold a level ("level" first); LEVEL_RANK_NONE for other names. Case
 * matters: level, LEVEL and Level are three names, lEvEl is none. */
unsigned level_name_rank(bole_slice name);

/* The same for fields that were made of names with dots, and for what loggers call it that Loki does not know: log.level (ECS),
 * levelname (Python), record.level.name (loguru). */
unsigned level_logger_rank(bole_slice name);

/* "WARNING" -> "warn", "Err" -> "error"; a value that is no known level comes back as it is. */
bole_slice level_normalize(bole_slice value);
/* The same, and the numbers 10 to 60 of bunyan and pino, which Loki does not know. */
bole_slice level_of_logger(bole_slice value);

/* The level of an OTLP severity number; as Loki: text that is no number counts as info. */
bole_slice level_of_severity_number(bole_slice text);

/* From the line alone; "unknown" when it says nothing. Well under 100 ns for a common line. */
bole_slice level_of_line(bole_slice line);
bole_slice level_of_line_portable(bole_slice line); /* the same without vectors of the machine: for tests */

#endif
