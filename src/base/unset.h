/*
 * unset.h - for arrays on the stack that are filled before they are read.
 *
 * Builds give every local a value of zero first (-ftrivial-auto-var-init). Where small columns pass through arrays of some
 * kilobytes that was a thirtieth of a cut. Only for what is visibly written before it is read.
 */
#ifndef BASE_UNSET_H
#define BASE_UNSET_H

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#endif
#endif
#ifndef UNSET
#define UNSET
#endif

#endif
