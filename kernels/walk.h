/* One molecule's random walk: states, rates, and the exact mean and variance of what it does.
 *
 * Where every pathway turns one molecule of one free species into one of another, and all else that it takes part in is
 * held, a molecule walks at random between these species: a Markov jump process with rates k = flux / concentration.
 * By pathway e it makes n_e net jumps in time t, n_e -> J_e t with a variance that grows as 2 D_e t; what it dissipates
 * has a mean and a variance of its own (Schnakenberg 1976; Lebowitz & Spohn, J. Stat. Phys. 95 (1999) 333). With the
 * generator W and its stationary state p, W q = J p - W' p and sum q = 0 give
 *     2 D = sum W'' p + 2 sum W' q
 * where W' and W'' weigh each jump by what it counts and by its square (Koza, J. Phys. A 32 (1999) 7637, to second
 * order). Elimination is that of Grassmann, Taksar & Heyman: no pivot is a difference. */
#ifndef NESSMAP_WALK_H
#define NESSMAP_WALK_H

#include "network.h"

/* --- 1. states -------------------------------------------------------------------------------------- */

/* the i-th free species that no chemostat may hold; how many there are */
NM_CONST_FN int nm_walk_species(int i)
{
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_FREE && !nm_is_holdable(s) && i-- == 0) {
            return s;
        }
    }
    return -1;
}
enum { NM_N_WALKED = NM_N_FREE - NM_N_HOLDS };

/* the state of which a side of pathway k has one molecule; -1 where that is not so */
NM_CONST_FN int nm_walk_end(int k, int is_to)
{
    int end = -1;
    for (int i = 0; i < NM_N_WALKED; i++) {
        const int moles = nm_moles(k, is_to, nm_walk_species(i));
        if (moles != 0) {
            if (end >= 0 || moles != 1) {
                return -1;
            }
            end = i;
        }
    }
    return end;
}
/* the states that each pathway joins; worked out once, for compilers count the steps of what they work out */
struct nm_walk_ends {
    int from[NM_NJ > 0 ? NM_NJ : 1], to[NM_NJ > 0 ? NM_NJ : 1];
};
NM_CONST_FN nm_walk_ends nm_find_walk_ends()
{
    nm_walk_ends ends = {};
    for (int k = 0; k < NM_NJ; k++) {
        ends.from[k] = nm_walk_end(k, 0);
        ends.to[k] = nm_walk_end(k, 1);
    }
    return ends;
}

/* All pathways are jumps from one state to another, and lead from every state to every other. */
NM_CONST_FN bool nm_is_walk()
{
    if (NM_N_WALKED < 2 || NM_N_VOLUMES > 0 || NM_N_POTENTIALS > 0) {
        return false;
    }
    const nm_walk_ends ends = nm_find_walk_ends();
    bool is_reached[NM_N_WALKED > 0 ? NM_N_WALKED : 1] = {true};
    for (int round = 0; round < NM_N_WALKED; round++) {
        for (int k = 0; k < NM_NJ; k++) {
            const int from = ends.from[k], to = ends.to[k];
            if (from < 0 || to < 0 || from == to) {
                return false;
            }
            is_reached[from] = is_reached[to] = is_reached[from] || is_reached[to];
        }
    }
    for (int i = 0; i < NM_N_WALKED; i++) {
        if (!is_reached[i]) {
            return false;
        }
    }
    return true;
}
enum { NM_N_WALK = nm_is_walk() ? (int)NM_N_WALKED : 0, NM_N_STEPS = nm_is_walk() ? (int)NM_NJ : 0 };

/* Pairs of pathways that meet in a state. Where there are very many, none are told. */
enum { NM_MOST_TURNS = 128 };
struct nm_turns {
    int n;
    nm_turn turn[NM_MOST_TURNS];
};
NM_CONST_FN bool nm_touches(const nm_walk_ends *ends, int k, int state)
{
    return ends->from[k] == state || ends->to[k] == state;
}
NM_CONST_FN nm_turns nm_find_turns()
{
    const nm_walk_ends ends = nm_find_walk_ends();
    nm_turns turns = {};
    for (int i = 0; i < NM_N_WALK; i++) {
        for (int e = 0; e < NM_NJ; e++) {
            for (int f = e + 1; f < NM_NJ; f++) {
                if (nm_touches(&ends, e, i) && nm_touches(&ends, f, i)) {
                    if (turns.n == NM_MOST_TURNS) {
                        return nm_turns{};
                    }
                    turns.turn[turns.n++] = nm_turn{e, i, f};
                }
            }
        }
    }
    return turns;
}
constexpr nm_turns nm_turn_table = nm_find_turns();

#ifndef NM_GRADIENTS

/* --- 2. rates --------------------------------------------------------------------------------------- */

/* one-way fluxes of every pathway where all concentrations are 1: its rates */
struct nm_unit_rates {
    nm_vec forth[NM_NJ], back[NM_NJ], total_amount;
    nm_vec v_w;
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        forth[K] = flux.out.v;
        back[K] = flux.in.v;
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M>) {}
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M>, nm_plain wanted) { total_amount = wanted.v; }
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M>) {}
    template <int C, nm_dirs M> NM_INLINE void current(nm_dual<M>, nm_plain, const nm_point *) {}
};

/* Eliminates the states of a walk from the last one down to the second. Before: rate[i][j] is that of jumps from i to j.
 * After: above the diagonal, rate[i][n] is the share of state i in what comes to state n while later states are passed
 * through; below it, rate[n][j] that rate; leaves[n]: the sum of row n, the rate at which n is left for earlier states. */
template <int N> NM_FN void nm_eliminate(nm_vec (*rate)[N], nm_vec *leaves)
{
    NM_ROLL
    for (int n = N - 1; n > 0; n--) {
        leaves[n] = nm_splat(0.0);
        NM_ROLL
        for (int j = 0; j < n; j++) {
            leaves[n] = leaves[n] + rate[n][j];
        }
        NM_ROLL
        for (int i = 0; i < n; i++) {
            rate[i][n] = rate[i][n] / leaves[n];
            NM_ROLL
            for (int j = 0; j < n; j++) {
                if (i != j) {
                    rate[i][j] = nm_vfma(rate[i][n], rate[n][j], rate[i][j]);
                }
            }
        }
    }
}

/* The stationary state, but for its scale: that of the first state is 1. returns the sum. */
template <int N> NM_FN nm_vec nm_stationary_shares(nm_vec *p, const nm_vec (*rate)[N])
{
    nm_vec sum = nm_splat(1.0);
    p[0] = nm_splat(1.0);
    NM_ROLL
    for (int n = 1; n < N; n++) {
        p[n] = nm_splat(0.0);
        NM_ROLL
        for (int i = 0; i < n; i++) {
            p[n] = nm_vfma(p[i], rate[i][n], p[n]);
        }
        sum = sum + p[n];
    }
    return sum;
}

/* Solves W q = b, where what goes to state i per time less what leaves it is b[i] and b sums up to 0; b is lost.
 * Of all solutions, that whose sum is 0; p: the stationary state. */
template <int N>
NM_FN void nm_solve_walk(nm_vec *q, nm_vec *b, const nm_vec (*rate)[N], const nm_vec *leaves, const nm_vec *p)
{
    NM_ROLL
    for (int n = N - 1; n > 0; n--) {
        b[n] = b[n] / leaves[n];
        NM_ROLL
        for (int i = 0; i < n; i++) {
            b[i] = nm_vfma(rate[n][i], b[n], b[i]);
        }
    }
    nm_vec sum = nm_splat(0.0);
    q[0] = nm_splat(0.0);
    NM_ROLL
    for (int n = 1; n < N; n++) {
        q[n] = -b[n];
        NM_ROLL
        for (int i = 0; i < n; i++) {
            q[n] = nm_vfma(q[i], rate[i][n], q[n]);
        }
        sum = sum + q[n];
    }
    NM_ROLL
    for (int n = 0; n < N; n++) {
        q[n] = nm_vfma(-sum, p[n], q[n]);
    }
}

#endif

#endif
