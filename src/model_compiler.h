/* The system's C++ compiler: which there is, and running it. */
#ifndef NESSMAP_MODEL_COMPILER_H
#define NESSMAP_MODEL_COMPILER_H

#include <sys/types.h>

#include "diag.h"

enum { NM_MOST_COMPILERS = 3 };

typedef struct nm_compiler {
    char *path;    /* whole */
    char *version; /* all that `path --version` says */
    int is_clang;
} nm_compiler;

typedef struct nm_compilers {
    int n;
    nm_compiler compiler[NM_MOST_COMPILERS]; /* the preferred one first */
} nm_compilers;

/* NESSMAP_CXX alone where it is set, else those of clang++, c++ and g++ that PATH has: n may be 0.
 * returns NM_USAGE where NESSMAP_CXX is no program, NM_MEMORY. */
nm_status nm_compilers_find(nm_compilers *compilers);
void nm_compilers_clear(nm_compilers *compilers);

/* 1 where the compiler makes C++20 and finds the headers of C. */
int nm_compiler_works(const nm_compiler *compiler);

/* Starts a program in `folder` (NULL: here), with all that it says going to the file `said`.
 * returns NM_IO. */
nm_status nm_program_start(pid_t *process, char *const *words, const char *folder,
                           const char *said);

/* Waits for it. returns its exit status, or 128 + the signal that ended it. */
int nm_program_wait(pid_t process);

#endif
