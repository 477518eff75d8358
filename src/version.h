/* The version of the program, as files and messages say it. */
#ifndef NESSMAP_VERSION_H
#define NESSMAP_VERSION_H

#define NM_VERSION "0.1.0"

/* NM_GIT, where the build defines it, is the short hash of the commit. */
#ifdef NM_GIT
#define NM_VERSION_FULL NM_VERSION " (git " NM_GIT ")"
#else
#define NM_VERSION_FULL NM_VERSION
#endif

#endif
