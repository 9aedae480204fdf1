/*
 * glob.h - names of files with wildcards, as the operator writes them.
 *
 *   ?        any one byte but '/'            *    any bytes but '/', none included
 *   [a-z]    one byte of the set             **   as a whole component: any number of directories, none included
 *   [!a-z]   one byte not of the set         \x   x itself
 *
 * Names are bytes: nothing here knows an encoding or a locale. Nothing is special about a leading dot.
 */
#ifndef AGENT_GLOB_H
#define AGENT_GLOB_H

#include "base/slice.h"

/* True when the whole path matches. A pattern without '/' is held against the last component: `*.gz`. */
bool glob_match(bole_slice pattern, bole_slice path);

/* True when something below the directory could match: a walk need not enter the others. */
bool glob_leads(bole_slice pattern, bole_slice directory);

/* The directory in front of the first wildcard: where a walk begins. Empty for a pattern without '/'. */
bole_slice glob_root(bole_slice pattern);

/* True when the pattern is the name of one file, with nothing to match. */
bool glob_is_plain(bole_slice pattern);

#endif
