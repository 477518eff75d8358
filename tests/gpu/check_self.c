/* The comparison of gpu_check compared: results of the CPU against themselves, with errors planted. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_POINTS = 2000, TILE = 640 };

/* A plan, its results, and a copy in which something is changed. */
typedef struct pair {
    nm_check_scan scan;
    nm_check_store right, changed;
    nm_tile tile; /* the first of the copy */
    int64_t i;    /* a point of it with values, far from any edge */
    int slot_V, slot_Na, slot_margin, slot_tau;
} pair;

static double *value(pair *p, int slot, int64_t i)
{
    return (double *)p->tile.values + slot * p->tile.n + i;
}

static void restore(pair *p)
{
    memcpy(p->changed.payloads, p->right.payloads, (size_t)(p->right.n * p->right.stride));
}

static int slot_of(const pair *p, const char *name)
{
    return p->scan.plan->task.slot[nm_catalogue_find(&p->scan.plan->catalogue, name)];
}

static nm_status make_pair(pair *p)
{
    nm_backend_options options = {0};
    nm_check_start(&p->scan, nm_check_model("pump_leak"));
    nm_check_model_a(&p->scan, 1);
    nm_check_outputs(&p->scan, "*", 0);
    NM_TRY(nm_check_finish(&p->scan, N_POINTS, 1, TILE));
    NM_TRY(nm_check_run(&p->right, p->scan.plan, "cpu", &options, 0, p->scan.plan->n_tiles, 1));
    p->changed = p->right;
    p->changed.payloads = malloc((size_t)(p->right.n * p->right.stride));
    if (!p->changed.payloads) {
        return nm_fail(NM_MEMORY, "no memory for a copy of the results");
    }
    restore(p);
    nm_plan_map_tile(p->scan.plan, &p->tile, 0, p->changed.payloads);
    p->slot_V = slot_of(p, "V");
    p->slot_Na = slot_of(p, "Na_i");
    p->slot_margin = slot_of(p, "lysis_margin");
    p->slot_tau = slot_of(p, "tau_slow");
    for (p->i = 0; p->i < p->tile.n; p->i++) {
        if (*value(p, p->slot_margin, p->i) > 0.1 && *value(p, p->slot_tau, p->i) < 1e7) {
            return NM_OK;
        }
    }
    return nm_fail(NM_USAGE, "no point of model A is far from lysis");
}

/* The comparison must pass, or not; and where it must not, `what` was planted. */
static nm_status expect(nm_check_report *report, pair *p, int passes, const char *what)
{
    nm_check_report inner;
    NM_TRY(nm_check_report_start(&inner));
    inner.is_quiet = 1;
    nm_check_compare(&inner, p->scan.plan, &p->changed, &p->right);
    nm_check_demand(report, inner.is_passed == passes, "%s: the comparison %s", what,
                    passes ? "fails" : "does not notice");
    nm_check_report_clear(&inner);
    restore(p);
    return NM_OK;
}

static nm_status plant(nm_check_report *report, pair *p)
{
    int64_t i = p->i;
    double *V = value(p, p->slot_V, i), *Na = value(p, p->slot_Na, i),
           *margin = value(p, p->slot_margin, i), *tau = value(p, p->slot_tau, i);
    NM_TRY(expect(report, p, 1, "nothing"));
    *Na = nextafter(*Na, 1e9);
    NM_TRY(expect(report, p, 1, "a last bit"));
    *Na *= 1.0 + 1e-7;
    NM_TRY(expect(report, p, 0, "a concentration off by 1e-7"));
    *V += 1e-9;
    NM_TRY(expect(report, p, 0, "a potential off by a nanovolt"));
    *tau *= 1.0 + 1e-5;
    NM_TRY(expect(report, p, 0, "a time off by 1e-5"));
    *V = NAN;
    NM_TRY(expect(report, p, 0, "a value that is missing"));
    p->tile.outcome[i] = NM_OUTCOME_no_steady_state_growth;
    NM_TRY(expect(report, p, 0, "another outcome"));
    p->tile.flags[i] ^= NM_FLAG_multistable;
    NM_TRY(expect(report, p, 0, "another flag"));
    p->tile.params[i] = nextafter(p->tile.params[i], 1e9);
    NM_TRY(expect(report, p, 0, "the last bit of a parameter"));
    *value(p, slot_of(p, "resid"), i) = 1e-9;
    NM_TRY(expect(report, p, 0, "a residual above the promise"));
    /* the same change of outcome is allowed where the cell is about to burst */
    *margin = 0.5e-9;
    p->tile.outcome[i] = NM_OUTCOME_no_steady_state_growth;
    NM_TRY(expect(report, p, 1, "another outcome at the edge"));
    for (int64_t k = 0; k < 2; k++) {
        *value(p, p->slot_tau, k) = 1e9;
        p->tile.outcome[k] =
            (int8_t)(p->tile.outcome[k] == NM_OUTCOME_ness ? NM_OUTCOME_unstable : NM_OUTCOME_ness);
    }
    NM_TRY(expect(report, p, 0, "more outcomes at the edge than ten per million, and than one"));
    return NM_OK;
}

/* The other two comparisons. */
static nm_status plant_bytes(nm_check_report *report, pair *p)
{
    nm_check_report inner;
    NM_TRY(nm_check_report_start(&inner));
    inner.is_quiet = 1;
    nm_check_same_bytes(&inner, &p->right, &p->changed, "copies");
    nm_check_params(&inner, p->scan.plan, &p->changed);
    nm_check_demand(report, inner.is_passed, "equal bytes: the comparison fails");
    p->changed.payloads[p->changed.stride + 5] ^= 1;
    nm_check_same_bytes(&inner, &p->right, &p->changed, "copies");
    nm_check_demand(report, !inner.is_passed, "a bit: the comparison of bytes does not notice");
    inner.is_passed = 1;
    p->tile.params[p->i] = nextafter(p->tile.params[p->i], 1e9);
    nm_check_params(&inner, p->scan.plan, &p->changed);
    nm_check_demand(report, !inner.is_passed,
                    "a parameter's last bit: the comparison with the host does not notice");
    nm_check_report_clear(&inner);
    return NM_OK;
}

nm_status nm_check_self(const struct nm_check_part *part, nm_check_report *report,
                        const nm_check_settings *settings, int64_t slice)
{
    (void)part;
    (void)settings;
    (void)slice;
    pair p;
    memset(&p, 0, sizeof p);
    nm_status status = make_pair(&p);
    if (status == NM_OK) {
        status = plant(report, &p);
    }
    if (status == NM_OK) {
        status = plant_bytes(report, &p);
    }
    nm_check_text(report, "summary", "12 planted changes of results, 3 of bytes");
    nm_check_store_clear(&p.changed);
    nm_check_store_clear(&p.right);
    nm_check_clear(&p.scan);
    return status;
}
