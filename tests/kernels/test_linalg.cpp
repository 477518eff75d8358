/* Linear solves in lanes against long double, and eigenvalues against spectra that are known. */
#include "kernel_test.h"

/* six species with one clock, so that the solvers are made for matrices of six */
#define NM_PARAMETERS(param)         param(T, "K", 300.0, 300.0, 300.0, linear, "temperature")
#define NM_COMPARTMENTS(compartment) compartment(flask, fixed(1.0), ground, "flask")
#define NM_SPECIES(free, trapped, water, held)                                                     \
    free(S1, 0, flask, 1.0, "") free(S2, 0, flask, 1.0, "") free(S3, 0, flask, 1.0, "")            \
        free(S4, 0, flask, 1.0, "") free(S5, 0, flask, 1.0, "") free(S6, 0, flask, 1.0, "")
#define NM_PATHWAYS(path)          path(R1, S1, S2, mass_action(1.0, 1.0), "")
#define NM_OBSERVABLES(observable) observable(ratio, "1", S1 / S2, "")
#define NM_EXTENT                  "m-3"
#include "nessmap/model.h"

#include "stability.h"

namespace
{

enum { MOST = 7 };
typedef long double exact_matrix[MOST][MOST];

/* solution by elimination with row pivoting in long double; returns the smallest scaled pivot */
long double solve_exactly(int n, const exact_matrix a_given, const long double *b, long double *x)
{
    exact_matrix a;
    long double smallest = HUGE_VALL;
    memcpy(a, a_given, sizeof a);
    for (int i = 0; i < n; i++) {
        long double big = 0.0L;
        for (int j = 0; j < n; j++) {
            big = fmaxl(big, fabsl(a[i][j]));
        }
        for (int j = 0; j < n; j++) {
            a[i][j] /= big;
        }
        x[i] = b[i] / big;
    }
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++) {
            pivot = fabsl(a[i][k]) > fabsl(a[pivot][k]) ? i : pivot;
        }
        for (int j = 0; j < n; j++) {
            long double t = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = t;
        }
        long double t = x[k];
        x[k] = x[pivot];
        x[pivot] = t;
        smallest = fminl(smallest, fabsl(a[k][k]));
        for (int i = k + 1; i < n; i++) {
            long double l = a[i][k] / a[k][k];
            for (int j = k; j < n; j++) {
                a[i][j] -= l * a[k][j];
            }
            x[i] -= l * x[k];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int j = i + 1; j < n; j++) {
            x[i] -= a[i][j] * x[j];
        }
        x[i] /= a[i][i];
    }
    return smallest;
}

/* kinds of random matrices */
enum kind { DOMINANT, PERMUTED, SCALED, HARD };

template <int N> void fill(kind kind, uint64_t *state, double (*a)[N], double *b)
{
    int order[N];
    for (int i = 0; i < N; i++) {
        order[i] = i;
    }
    if (kind != DOMINANT) {
        for (int i = N - 1; i > 0; i--) {
            int j = (int)(random_word(state) % (uint64_t)(i + 1)), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
    }
    for (int i = 0; i < N; i++) {
        /* SCALED: rows of the sizes of fluxes beside charges; HARD: no large entry anywhere */
        double scale = kind == SCALED ? exp2(random_between(state, -80.0, 80.0)) : 1.0;
        for (int j = 0; j < N; j++) {
            double x = random_between(state, -1.0, 1.0);
            if (kind == PERMUTED && j != order[i] && random_word(state) % 3 == 0) {
                x = 0.0;
            }
            if (kind != HARD && j == order[i]) {
                x = (x < 0.0 ? -1.0 : 1.0) * (N + fabs(x));
            }
            a[i][j] = scale * x;
        }
        b[i] = scale * random_between(state, -1.0, 1.0);
    }
}

double worst_forward, worst_backward;

/* each lane another matrix; `pivoted` uses nm_lu_pivot */
template <int N> void check_solve(kind kind, bool pivoted, uint64_t *state)
{
    nm_vec lanes_a[N][N], lanes_b[N];
    double a[NM_LANES][N][N], b[NM_LANES][N];
    for (int lane = 0; lane < NM_LANES; lane++) {
        fill<N>(kind, state, a[lane], b[lane]);
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                nm_set(&lanes_a[i][j], lane, a[lane][i][j]);
            }
            nm_set(&lanes_b[i], lane, b[lane][i]);
        }
    }
    nm_mask is_singular = nm_mask_all(false);
    if (pivoted) {
        nm_lu_pivot<N>(lanes_a, lanes_b, &is_singular);
    } else {
        nm_lu<N>(lanes_a);
        nm_lu_solve<N>(lanes_a, lanes_b);
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        exact_matrix exact;
        long double right[N], x[N], most = 0.0L;
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                exact[i][j] = a[lane][i][j];
            }
            right[i] = b[lane][i];
        }
        long double smallest = solve_exactly(N, exact, right, x);
        assert_false(nm_get(is_singular, lane) && smallest > 1e-12L);
        for (int i = 0; i < N; i++) {
            most = fmaxl(most, fabsl(x[i]));
        }
        for (int i = 0; i < N; i++) {
            double got = nm_get(lanes_b[i], lane);
            /* row by row: what is left over against the sizes that were added */
            long double rest = -right[i], sizes = fabsl(right[i]);
            for (int j = 0; j < N; j++) {
                rest += exact[i][j] * (long double)nm_get(lanes_b[j], lane);
                sizes += fabsl(exact[i][j]) * fabsl((long double)nm_get(lanes_b[j], lane));
            }
            worst_backward = fmax(worst_backward, (double)(fabsl(rest) / sizes));
            if (kind != HARD) {
                worst_forward = fmax(worst_forward, (double)(fabsl(got - x[i]) / most));
            }
        }
    }
}

/* a pattern of zeros that elimination fills in part: species that share a potential and a volume, and a ring */
struct pump_like {
    static constexpr nm_rows<5> rows = {{0b10011, 0b10011, 0b10100, 0b01111, 0b11111}};
    static constexpr nm_order<5> order = nm_given_order<5>();
    static constexpr nm_rows<5> filled = nm_fill(rows);
};
struct ring_like {
    static constexpr nm_rows<6> rows = {{0b111111, 0b000111, 0b001110, 0b011100, 0b111000, 0b110001}};
    static constexpr nm_order<6> order = nm_given_order<6>();
    static constexpr nm_rows<6> filled = nm_fill(rows);
};
/* an arrow, which fills up from its head and not from its tip; a total stands in for the head */
struct arrow {
    static constexpr nm_rows<5> rows = {{0b11111, 0b00011, 0b00101, 0b01001, 0b10001}};
    static constexpr nm_order<5> order = {{4, 2, 1, 3, 0}};
    static constexpr nm_rows<5> filled = nm_fill(nm_reorder(rows, order));
};

/* Factors and solutions with known zeros have the bits of those without, whatever lies at the zeros' places. The dense
 * system stands in the order of elimination. */
template <class SHAPE, nm_dirs GIVEN, int N> void check_shape(uint64_t *state)
{
    nm_vec dense[N][N], shaped[N][N], x[N], y[N];
    for (int i = 0; i < N; i++) {
        const int at_i = SHAPE::order.at[i];
        const bool is_given = GIVEN >> at_i & 1u;
        x[i] = nm_splat(0.0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&x[i], lane, is_given ? random_between(state, -1.0, 1.0) : 0.0);
            for (int j = 0; j < N; j++) {
                const bool is_there = SHAPE::rows.row[at_i] >> SHAPE::order.at[j] & 1u;
                const double entry = random_between(state, -1.0, 1.0) + (i == j ? 3.0 : 0.0);
                nm_set(&dense[i][j], lane, is_there ? entry : 0.0);
            }
        }
        y[at_i] = is_given ? x[i] : nm_splat(NM_NAN); /* is not read */
        for (int j = 0; j < N; j++) {
            const bool is_filled = SHAPE::filled.row[i] >> j & 1u;
            shaped[at_i][SHAPE::order.at[j]] = is_filled ? dense[i][j] : nm_splat(NM_NAN);
        }
    }
    nm_lu<N>(dense);
    nm_lu_solve<N>(dense, x);
    nm_lu_shaped<SHAPE, N>(shaped);
    nm_lu_solve_shaped<SHAPE, GIVEN, N>(shaped, y);
    for (int i = 0; i < N; i++) {
        for (int lane = 0; lane < NM_LANES; lane++) {
            assert_true(nm_get(x[i], lane) == nm_get(y[SHAPE::order.at[i]], lane));
        }
    }
}

void zeros_change_no_bits(void **)
{
    uint64_t state = 77;
    /* elimination fills in what it must, and no more */
    assert_int_equal(pump_like::filled.row[3], 0b11111);
    assert_int_equal(pump_like::filled.row[2], 0b10100);
    assert_int_equal(nm_fill(arrow::rows).row[1], 0b11111);
    assert_int_equal(arrow::filled.row[1], 0b10010);
    for (int round = 0; round < 200; round++) {
        check_shape<pump_like, 31u, 5>(&state);
        check_shape<pump_like, 1u, 5>(&state);
        check_shape<pump_like, 4u, 5>(&state);
        check_shape<pump_like, 16u, 5>(&state);
        check_shape<ring_like, 63u, 6>(&state);
        check_shape<ring_like, 2u, 6>(&state);
        check_shape<ring_like, 32u, 6>(&state);
        check_shape<arrow, 31u, 5>(&state);
        check_shape<arrow, 4u, 5>(&state);
    }
}

template <int N> void check_size()
{
    uint64_t state = 100 + N;
    for (int round = 0; round < 400; round++) {
        check_solve<N>(DOMINANT, false, &state);
        check_solve<N>(DOMINANT, true, &state);
        check_solve<N>(PERMUTED, true, &state);
        check_solve<N>(SCALED, true, &state);
        check_solve<N>(HARD, true, &state);
    }
}

void solves_agree_with_long_double(void **)
{
    worst_forward = worst_backward = 0.0;
    check_size<1>();
    check_size<2>();
    check_size<3>();
    check_size<5>();
    check_size<7>();
    printf("solves: worst error %.1e, worst residual %.1e\n", worst_forward, worst_backward);
    assert_true(worst_forward < 4e-15);
    assert_true(worst_backward < 4e-15);
}

/* a singular lane is named, and its neighbours are solved as if it were not there */
void singular_lanes_are_named(void **)
{
    enum { N = 4 };
    uint64_t state = 3;
    for (int round = 0; round < 2000; round++) {
        nm_vec a[N][N], b[N], alone_a[N][N], alone_b[N];
        double m[N][N], r[N];
        int bad = (int)(random_word(&state) % NM_LANES), how = round % 4;
        for (int lane = 0; lane < NM_LANES; lane++) {
            fill<N>(SCALED, &state, m, r);
            if (lane == bad) {
                for (int j = 0; j < N; j++) {
                    if (how == 0) {
                        m[2][j] = 0.0;
                    } /* an empty row */
                    if (how == 1) {
                        m[j][1] = 0.0;
                    } /* an empty column */
                    if (how == 2) {
                        m[3][j] = 0.5 * m[0][j] - 2.0 * m[1][j];
                    } /* a dependent row */
                    if (how == 3) {
                        m[j][3] = m[j][0];
                    } /* two equal columns */
                }
            }
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < N; j++) {
                    nm_set(&a[i][j], lane, m[i][j]);
                }
                nm_set(&b[i], lane, r[i]);
            }
        }
        for (int lane = 0; lane < NM_LANES; lane++) { /* this lane alone, in all lanes */
            nm_mask alone = nm_mask_all(false);
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < N; j++) {
                    alone_a[i][j] = nm_splat(nm_get(a[i][j], lane));
                }
                alone_b[i] = nm_splat(nm_get(b[i], lane));
            }
            nm_lu_pivot<N>(alone_a, alone_b, &alone);
            assert_int_equal(nm_get(alone, 0), lane == bad);
            assert_int_equal(nm_any_of(alone), lane == bad);
            if (lane == NM_LANES - 1) {
                nm_mask is_singular = nm_mask_all(false);
                double last[N];
                for (int i = 0; i < N; i++) {
                    last[i] = nm_get(alone_b[i], 0);
                }
                nm_lu_pivot<N>(a, b, &is_singular);
                for (int l = 0; l < NM_LANES; l++) {
                    assert_int_equal(nm_get(is_singular, l), l == bad);
                }
                for (int i = 0; i < N && lane != bad; i++) {
                    assert_true(nm_get(b[i], lane) == last[i]);
                }
            }
        }
    }
    /* small against its row is singular, small as a number is not */
    nm_vec tiny[2][2] = {{nm_splat(1e-300), nm_splat(0.0)}, {nm_splat(0.0), nm_splat(1e-200)}},
           one[2] = {nm_splat(1e-300), nm_splat(1e-200)};
    nm_mask is_singular = nm_mask_all(false);
    nm_lu_pivot<2>(tiny, one, &is_singular);
    assert_false(nm_any_of(is_singular));
    assert_true(nm_get(one[0], 0) == 1.0 && nm_get(one[1], 0) == 1.0);
}

/* --- eigenvalues ----------------------------------------------------------------------------------- */

/* Compares spectra without order: each wanted value takes the nearest that is left. returns the largest distance. */
double distance(int n, const double *re, const double *im, const double *want_re,
                const double *want_im, double *relative)
{
    bool used[NM_NY] = {false};
    double worst = 0.0;
    *relative = 0.0;
    for (int i = 0; i < n; i++) {
        int best = -1;
        double least = HUGE_VAL, size = hypot(want_re[i], want_im[i]);
        for (int j = 0; j < n; j++) {
            double d = hypot(re[j] - want_re[i], im[j] - want_im[i]);
            if (!used[j] && d < least) {
                least = d;
                best = j;
            }
        }
        if (best < 0) {
            return HUGE_VAL;
        }
        used[best] = true;
        worst = fmax(worst, least);
        *relative = fmax(*relative, size > 0.0 ? least / size : least);
    }
    return worst;
}

double norm_of(int n, const double (*a)[NM_NY])
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            sum += a[i][j] * a[i][j];
        }
    }
    return sqrt(sum);
}

/* A = S B S^-1 with integer S = L U of ones on the diagonal, so that S^-1 and A are exact */
double conjugate(int n, double (*a)[NM_NY], uint64_t *state)
{
    double s[NM_NY][NM_NY] = {{0}}, inverse[NM_NY][NM_NY] = {{0}};
    for (int i = 0; i < n; i++) {
        s[i][i] = inverse[i][i] = 1.0;
    }
    for (int step = 0; step < 2 * n; step++) { /* row i += f row j */
        int i = (int)(random_word(state) % (uint64_t)n),
            j = (int)(random_word(state) % (uint64_t)n);
        double f = (double)(random_word(state) % 3) - 1.0;
        if (i == j) {
            continue;
        }
        for (int k = 0; k < n; k++) {
            s[i][k] += f * s[j][k];
            inverse[k][j] -= f * inverse[k][i];
        }
    }
    double product[NM_NY][NM_NY];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            product[i][j] = 0.0;
            for (int k = 0; k < n; k++) {
                product[i][j] += s[i][k] * a[k][j];
            }
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            a[i][j] = 0.0;
            for (int k = 0; k < n; k++) {
                a[i][j] += product[i][k] * inverse[k][j];
            }
        }
    }
    return norm_of(n, s) * norm_of(n, inverse);
}

void eigenvalues_of_diagonal_blocks_come_back(void **)
{
    uint64_t state = 21;
    double worst = 0.0;
    for (int round = 0; round < 20000; round++) {
        int n = 1 + round % 6;
        double a[NM_NY][NM_NY] = {{0}}, re[NM_NY], im[NM_NY], want_re[NM_NY], want_im[NM_NY],
               relative, size = 0.0;
        for (int i = 0; i < n; i++) {
            want_re[i] = (double)(random_word(&state) % 2001) - 1000.0;
            want_im[i] = 0.0;
            a[i][i] = want_re[i];
            if (i > 0 && want_im[i - 1] == 0.0 &&
                random_word(&state) % 2 == 0) { /* a complex pair */
                want_im[i] = 1.0 + (double)(random_word(&state) % 1000);
                want_im[i - 1] = -want_im[i];
                want_re[i] = a[i][i] = want_re[i - 1];
                a[i][i - 1] = want_im[i];
                a[i - 1][i] = -want_im[i];
            }
        }
        for (int i = 0; i < n; i++) {
            size = fmax(size, hypot(want_re[i], want_im[i]));
        }
        double condition = conjugate(n, a, &state);
        assert_true(nm_eigenvalues(n, a, re, im));
        for (int i = 0; i < n; i++) { /* pairs are conjugate to the bit */
            if (im[i] != 0.0) {
                bool has_partner = false;
                for (int j = 0; j < n; j++) {
                    has_partner = has_partner || (re[j] == re[i] && im[j] == -im[i]);
                }
                assert_true(has_partner);
            }
        }
        /* Bauer and Fike: a block of this kind is normal, so the error is at most that of A times cond S */
        double error =
            distance(n, re, im, want_re, want_im, &relative) / (condition * fmax(size, 1.0));
        worst = fmax(worst, error);
    }
    printf("eigenvalues: worst error %.1e of cond(S) |A|\n", worst);
    assert_true(worst < 5e-15);
}

/* x^n = 1 and Wilkinson-like roots, as companion matrices */
void eigenvalues_of_companions_come_back(void **)
{
    for (int n = 1; n <= 6; n++) {
        double a[NM_NY][NM_NY] = {{0}}, re[NM_NY], im[NM_NY], want_re[NM_NY], want_im[NM_NY],
               relative;
        for (int i = 1; i < n; i++) {
            a[i][i - 1] = 1.0;
        }
        a[0][n - 1] = 1.0;
        for (int i = 0; i < n; i++) {
            want_re[i] = cos(2.0 * M_PI * i / n);
            want_im[i] = sin(2.0 * M_PI * i / n);
        }
        assert_true(nm_eigenvalues(n, a, re, im));
        assert_true(distance(n, re, im, want_re, want_im, &relative) < 1e-14);

        double polynomial[NM_NY + 1] = {1.0}; /* prod (x - i), i = 1..n, lowest power first */
        for (int i = 1; i <= n; i++) {
            for (int k = i; k >= 0; k--) {
                polynomial[k] =
                    (k > 0 ? polynomial[k - 1] : 0.0) - i * (k < i ? polynomial[k] : 0.0);
            }
        }
        memset(a, 0, sizeof a);
        for (int i = 1; i < n; i++) {
            a[i][i - 1] = 1.0;
        }
        for (int i = 0; i < n; i++) {
            a[i][n - 1] = -polynomial[i];
            want_re[i] = i + 1;
            want_im[i] = 0.0;
        }
        assert_true(nm_eigenvalues(n, a, re, im));
        assert_true(distance(n, re, im, want_re, want_im, &relative) < 1e-10);
    }
}

/* One eigenvalue n times with one eigenvector: an error e of A moves it by e^(1/n), but not the mean of all. */
void defective_matrices_end_near(void **)
{
    uint64_t state = 22;
    for (int round = 0; round < 3000; round++) {
        int n = 1 + round % 6;
        double a[NM_NY][NM_NY] = {{0}}, re[NM_NY], im[NM_NY], mean = 0.0;
        for (int i = 0; i < n; i++) {
            a[i][i] = -2.0;
            if (i > 0) {
                a[i - 1][i] = 1.0;
            }
        }
        double condition = conjugate(n, a, &state);
        assert_true(nm_eigenvalues(n, a, re, im));
        for (int i = 0; i < n; i++) {
            mean += re[i] / n;
            assert_true(hypot(re[i] + 2.0, im[i]) <
                        3.0 * pow(1e-14 * condition * condition, 1.0 / n));
        }
        assert_true(fabs(mean + 2.0) < 1e-14 * condition);
    }
}

/* Rates over 12 decades. The large end must be right in itself (it decides on stability), each value to the rounding
 * of the largest, and where rows fall in size downwards each value in itself. */
void graded_matrices_keep_their_large_end(void **)
{
    uint64_t state = 23;
    double worst_end = 0.0, worst_any = 0.0, worst_down = 0.0;
    for (int round = 0; round < 3000; round++) {
        int n = 2 + round % 5;
        bool upside_down = round % 2 != 0;
        double a[NM_NY][NM_NY] = {{0}}, re[NM_NY], im[NM_NY], want_re[NM_NY], want_im[NM_NY] = {0},
               relative;
        for (int i = 0; i < n; i++) {
            int k = upside_down ? n - 1 - i : i;
            want_re[i] = -exp10(-12.0 * k / (n - 1)) * random_between(&state, 0.5, 1.0);
            for (int j = 0; j <= i; j++) {
                a[i][j] = j == i ? want_re[i] : want_re[i] * random_between(&state, -1.0, 1.0);
            }
        }
        double kept[NM_NY][NM_NY];
        memcpy(kept, a, sizeof a);
        assert_true(nm_eigenvalues(n, a, re, im));
        double any = distance(n, re, im, want_re, want_im, &relative);
        int largest = 0, wanted = 0;
        for (int i = 0; i < n; i++) {
            largest = fabs(re[i]) > fabs(re[largest]) ? i : largest;
            wanted = fabs(want_re[i]) > fabs(want_re[wanted]) ? i : wanted;
        }
        worst_end = fmax(worst_end, fabs(re[largest] / want_re[wanted] - 1.0) +
                                        fabs(im[largest] / want_re[wanted]));
        worst_any = fmax(worst_any, any / fabs(want_re[wanted]));
        if (!upside_down) {
            worst_down = fmax(worst_down, relative);
        }
    }
    printf("graded: large end %.1e, any %.1e of the largest, rows falling %.1e in itself\n",
           worst_end, worst_any, worst_down);
    assert_true(worst_end < 1e-14);
    assert_true(worst_any < 1e-14);
    assert_true(worst_down < 1e-12);
}

void zeros_and_degenerate_matrices_come_back(void **)
{
    for (int n = 1; n <= 6; n++) {
        double a[NM_NY][NM_NY] = {{0}}, re[NM_NY], im[NM_NY];
        assert_true(nm_eigenvalues(n, a, re, im));
        for (int i = 0; i < n; i++) {
            assert_true(re[i] == 0.0 && im[i] == 0.0);
        }
        for (int i = 0; i < n; i++) {
            a[i][i] = 3.0;
        }
        assert_true(nm_eigenvalues(n, a, re, im));
        for (int i = 0; i < n; i++) {
            assert_true(re[i] == 3.0 && im[i] == 0.0);
        }
        for (int i = 0; i < n; i++) { /* rank one: n and zeros */
            for (int j = 0; j < n; j++) {
                a[i][j] = 1.0;
            }
        }
        double want_re[NM_NY] = {(double)n}, want_im[NM_NY] = {0.0}, relative;
        assert_true(nm_eigenvalues(n, a, re, im));
        assert_true(distance(n, re, im, want_re, want_im, &relative) < 1e-14 * n);
    }
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solves_agree_with_long_double),
        cmocka_unit_test(zeros_change_no_bits),
        cmocka_unit_test(singular_lanes_are_named),
        cmocka_unit_test(eigenvalues_of_diagonal_blocks_come_back),
        cmocka_unit_test(eigenvalues_of_companions_come_back),
        cmocka_unit_test(defective_matrices_end_near),
        cmocka_unit_test(graded_matrices_keep_their_large_end),
        cmocka_unit_test(zeros_and_degenerate_matrices_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
