/* Scenes with the stand-in CUDA driver: each in a process of its own, as its environment is read
 * once. */
#ifndef NESSMAP_TEST_STAND_IN_CHILD_H
#define NESSMAP_TEST_STAND_IN_CHILD_H

#include <stdio.h>

/* Runs `scene` in a child process with the settings "NAME=value", ..., NULL. with_driver: the
 * stand-in is loaded, so that the name libcuda.so.1 means it, with the small kernels unless
 * NESSMAP_STAND_IN_KERNELS is set. returns what `scene` returned, 0 for good, or -1 where the
 * process died. */
int nm_in_child(int (*scene)(void), int with_driver, const char *const *settings);

/* The log of the stand-in so far; belongs to the callee. nm_stand_in_lines: how many of its
 * lines contain `words`. */
const char *nm_stand_in_log(void);
int nm_stand_in_lines(const char *words);

/* a kernel image as far as the stand-in looks at it */
extern const unsigned char nm_stand_in_image[64];

#define HOLDS(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #what);         \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

#endif
