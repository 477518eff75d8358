/* What a time course shows, in a sentence: which quantity runs away, or out, and when it did so. */
#ifndef NESSMAP_COURSE_H
#define NESSMAP_COURSE_H

#include "plan.h"

/* The output that tells what becomes of a cell: where it grows, the volume (else the concentration)
 * that grew most; where a species runs out, the concentration that fell most; at rest, the potential
 * that moved most. begin, end: outputs of the catalogue at the first and the last time.
 * returns -1 where nothing moved. */
int nm_course_find(const nm_plan *plan, int outcome, const double *begin, const double *end);

/* When output number `told`, series[n] at the rising times[n], was twice, ten times, ... what it was
 * first, a half, a tenth, ..., or half way to where it came to rest. returns out; "" for told -1. */
enum { NM_COURSE_TEXT = 512 };
char *nm_course_words(char out[NM_COURSE_TEXT], const nm_plan *plan, int outcome, int told, int n,
                      const double *times, const double *series);

/* "12 min 03 s", "3.1e+05 years". out: [NM_WORDS]; returns it. */
char *nm_course_time(char *out, double seconds);

#endif
