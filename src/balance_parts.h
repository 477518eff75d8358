/* What the tables and the JSON of a balance sheet share: numbers by their family, the parts of a
 * force, gains and losses of a species, who supplies what, and why there is no steady state. */
#ifndef NESSMAP_BALANCE_PARTS_H
#define NESSMAP_BALANCE_PARTS_H

#include "balance.h"

#define NM_FARADAY_CONSTANT 96485.33212      /* [C mol-1] */
#define NM_GAS              8.31446261815324 /* [J mol-1 K-1] */

/* The i-th output of a family, and what it is. */
double nm_balance_value(const nm_balance *balance, nm_family family, int i);
const nm_output *nm_balance_output(const nm_balance *balance, nm_family family, int i);

double nm_balance_concentration(const nm_balance *balance, int i_species);
double nm_balance_temperature(const nm_balance *balance); /* [K] */

/* Charge number carried out of the compartments that have a potential, per turn of a pathway. */
double nm_balance_charge(const nm_model *model, int i_path);

/* 1 where no flux runs either way. */
int nm_balance_is_closed(const nm_balance *balance, int i_path);

/* A pathway's net flux, and its affinity [J mol-1]: 0 where it is the rounding of equal one-way
 * fluxes. */
double nm_balance_flux(const nm_balance *balance, int i_path);
double nm_balance_affinity(const nm_balance *balance, int i_path);

/* 1 where a pathway leads from one compartment into another. */
int nm_balance_crosses(const nm_model *model, int i_path);

/* The parts of an affinity [J mol-1]: what concentrations, potentials, and all else (fuels,
 * standard free energies, drives) make of it. NaN where they cannot be told apart, as in the
 * averages of an oscillation. */
typedef struct nm_force {
    double chemical, electrical, other;
} nm_force;
nm_force nm_balance_force(const nm_balance *balance, int i_path);

/* d/dt of a species by one pathway. */
double nm_balance_made(const nm_balance *balance, int i_path, int i_species);

/* Sum over the pathways, and the sum of the absolute values. returns the number of pathways that
 * move the species; 0 where it has no balance of its own (held, trapped, the endless water of a
 * bath). */
int nm_balance_books(double *sum, double *turnover, const nm_balance *balance, int i_species);

/* 1 for a free species that the chosen variant holds at its start. */
int nm_balance_is_held(const nm_balance *balance, int i_species);

/* Who supplies: fuels, held species, clamps. returns the number, at most NM_MAX_SUPPLIES. */
enum { NM_MAX_SUPPLIES = 16 };
typedef struct nm_supply {
    const char *name; /* "ATP", "held", "clamp" */
    char text[48];    /* for people */
    double power;     /* W per extent */
} nm_supply;
int nm_balance_supplies(nm_supply *supply, const nm_balance *balance);

/* Solves n points of columns [n_params][n] with the plan's solver and variants. values:
 * [outputs of the catalogue][n], or NULL. */
nm_status nm_balance_batch(const nm_plan *plan, const double *columns, int64_t n, double *values,
                           int8_t *outcome, uint16_t *flags);

/* One parameter, and the nearest value of it that alone would bring a steady state. */
typedef struct nm_limit {
    int param;
    double value;
    double distance; /* share of the parameter's range */
} nm_limit;

/* How a cell came to what it is: the course until it rests or ends, and, where there is no steady state, what would
 * bring one. */
enum { NM_COURSE_TIMES = 300 };
struct nm_balance_why {
    int n_limits;
    nm_limit limit[2 * NM_MAX_PARAMS]; /* nearest first */
    double time;                       /* [s] at which the course was left; NaN: there is none */
    double begin[NM_MAX_OUTPUTS], end[NM_MAX_OUTPUTS]; /* outputs at 0 and at `time` */
    nm_balance then;   /* the cell at 0 where it came to rest, else at `time` */
    int told, n_times; /* output that tells it (course.h), or -1, at so many times */
    double times[NM_COURSE_TIMES], series[NM_COURSE_TIMES];
};

/* The same for people and as members of a JSON object. */
void nm_balance_print_why(FILE *stream, const nm_balance_why *why, const nm_balance *balance);
void nm_balance_print_why_json(FILE *stream, const nm_balance_why *why, const nm_balance *balance);

#endif
