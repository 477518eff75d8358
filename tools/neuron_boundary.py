#!/usr/bin/env python3
"""Limit points and Hopf points of `neuron` over the extracellular share, and its map with these lines drawn over it.

    neuron_boundary.py OUT.nc [-o OUT.png] [--show NAME NAME]      a file with the axes rho and w_e

At a steady state the gates are at n = n_inf(V), and with the pump current r

    Cl_e / Cl_i = exp(-F V / R T)
    K_e / K_i   = exp(F (V - 2 r / g_K) / R T)
    Na_e / Na_i = exp(F (V + 3 r / g_Na) / R T)

where g_K, g_Na are the conductances at V and n. The amounts of K+, Na+ and Cl- in both compartments then give all six
concentrations, and the cations of the cell less its Cl- must be its fixed charge: one equation for V and r. It is a
curve from strong hyperpolarisation to the Donnan equilibrium, r = 0, along which the saturation of the pump gives rho.
Where rho turns, two steady states meet (limit point, LP); where two eigenvalues of the time course in (V, n, K_i, Cl_i)
cross the imaginary axis as a pair, a state begins or ceases to be stable (Hopf point).

Units as in the files of nessmap. Derived independently of the solver: tests use it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from nessmap_tools import Refused
from nessmap_tools.plot import maps, source, style

R = 8.31446261815324  # J mol-1 K-1
F = 96485.33212331001  # C mol-1

# those that a file must say
NEEDED = ("T", "w_i", "w_e", "A_m", "C_m", "g_NaL", "g_NaG", "g_KL", "g_KG", "g_Cl", "phi", "I_app",
          "Na_i0", "K_i0", "Cl_i0", "Na_e0", "K_e0", "Cl_e0")
# line: what it is called, how it is drawn
LINES = {
    "LP_rest": ("rest appears (LP)", (0, (4, 2))),
    "Hopf_rest": ("rest becomes stable (Hopf)", ":"),
    "Hopf_starved": ("starved no longer stable (Hopf)", "-"),
    "LP_starved": ("starved vanishes (LP)", (0, (1, 1))),
}
V_FIRST = -0.1  # where the curve begins: below the resting potential at any pump rate that a map shows
R_LAST = 1e-7  # A m-2, where it ends: all but Donnan equilibrium
V_SCALE = 0.01  # V, as long on the curve as a factor e of r


def bern(u):
    """u / (exp(u) - 1)"""
    u = np.asarray(u)
    is_small = np.abs(u) < 1e-5
    safe = np.where(is_small, 1.0, u)
    return np.where(is_small, 1.0 - u / 2.0 + u * u / 12.0, safe / np.expm1(safe))


def gates(V):
    """opening and closing rate of n over phi, and m"""
    mV = 1e3 * V
    m_opens, m_closes = bern(-0.1 * (mV + 30.0)), 4.0 * np.exp(-(mV + 55.0) / 18.0)
    return 0.1 * bern(-0.1 * (mV + 34.0)), 0.125 * np.exp(-(mV + 44.0) / 80.0), m_opens / (m_opens + m_closes)


def conductances(p, V, n):
    h = 1.0 / (1.0 + np.exp(6.5 * (n - 0.35)))
    return p["g_NaL"] + p["g_NaG"] * gates(V)[2] ** 3 * h, p["g_KL"] + p["g_KG"] * n**4


def saturation(Na_i, K_e):
    return 1.0 / ((1.0 + np.exp((25.0 - Na_i) / 3.0)) * (1.0 + np.exp(5.5 - K_e)))


def outside(p, Na_i, K_i, Cl_i):
    """Concentrations of the extracellular space: what the cell lacks of the composition at rest is there."""
    share = p["w_e"] / p["w_i"]
    return (p["Na_e0"] + (p["Na_i0"] - Na_i) / share, p["K_e0"] + (p["K_i0"] - K_i) / share,
            p["Cl_e0"] + (p["Cl_i0"] - Cl_i) / share)


def course(p, rho, V, n, K_i, Cl_i):
    """d(V, n, K_i, Cl_i)/dt"""
    RTF = R * p["T"] / F
    Na_i = p["Na_i0"] + p["K_i0"] - p["Cl_i0"] - K_i + Cl_i
    Na_e, K_e, Cl_e = outside(p, Na_i, K_i, Cl_i)
    opens, closes, _ = gates(V)
    g_Na, g_K = conductances(p, V, n)
    I_Na, I_K = g_Na * (V - RTF * np.log(Na_e / Na_i)), g_K * (V - RTF * np.log(K_e / K_i))
    I_Cl, I_pump = p["g_Cl"] * (V + RTF * np.log(Cl_e / Cl_i)), rho * saturation(Na_i, K_e)
    per_area = p["A_m"] / (F * p["w_i"])
    return ((p["I_app"] - I_Na - I_K - I_Cl - I_pump) / p["C_m"], p["phi"] * (opens * (1.0 - n) - closes * n),
            per_area * (2.0 * I_pump - I_K), per_area * I_Cl)


def eigenvalues(p, rho, state):
    """[..., 4] at states (V, n, K_i, Cl_i), by the complex step"""
    state = np.broadcast_arrays(*state)
    jacobian = np.empty(state[0].shape + (4, 4))
    for column in range(4):
        moved = [x + 1e-30j * (k == column) for k, x in enumerate(state)]
        for row, rate in enumerate(course(p, rho, *moved)):
            jacobian[..., row, column] = np.imag(rate) / 1e-30
    return np.linalg.eigvals(jacobian)


def state_at(p, V, ln_r):
    """(V, n, K_i, Cl_i), Na_i and what is missing of the fixed charge of the cell."""
    RTF, share, r = R * p["T"] / F, p["w_e"] / p["w_i"], np.exp(ln_r)
    opens, closes, _ = gates(V)
    n = opens / (opens + closes)
    g_Na, g_K = conductances(p, V, n)
    Cl_i = (p["Cl_i0"] + share * p["Cl_e0"]) / (1.0 + share * np.exp(-V / RTF))
    Na_i = (p["Na_i0"] + share * p["Na_e0"]) / (1.0 + share * np.exp((V + 3.0 * r / g_Na) / RTF))
    K_i = (p["K_i0"] + share * p["K_e0"]) / (1.0 + share * np.exp((V - 2.0 * r / g_K) / RTF))
    return (V, n, K_i, Cl_i), Na_i, Na_i + K_i - Cl_i - (p["Na_i0"] + p["K_i0"] - p["Cl_i0"])


def slopes(p, V, ln_r):
    """Missing charge and its derivatives, along V in units of V_SCALE and along ln r."""
    lack = state_at(p, V, ln_r)[2]
    by_V = np.imag(state_at(p, V + 1e-30j, ln_r)[2]) / 1e-30
    return lack, by_V * V_SCALE, np.imag(state_at(p, V, ln_r + 1e-30j)[2]) / 1e-30


def onto_curve(p, V, ln_r, rounds):
    """The nearest point of the curve, by Newton's method along the gradient."""
    for _ in range(rounds):
        lack, by_V, by_r = slopes(p, V, ln_r)
        back = lack / (by_V * by_V + by_r * by_r)
        V, ln_r = V - V_SCALE * back * by_V, ln_r - back * by_r
    return V, ln_r


def pump_rate(p, V, ln_r):
    """rho and the state on a point of the curve."""
    state, Na_i, _ = state_at(p, V, ln_r)
    return np.exp(ln_r) / saturation(Na_i, outside(p, Na_i, state[2], state[3])[1]), state


def curve(p, step=0.02):
    """V, ln r [points, sets] along the curve of each parameter set; p: arrays of equal length among the numbers."""
    shape = np.broadcast_shapes(*(np.shape(x) for x in p.values())) or (1,)
    V = np.full(shape, V_FIRST)
    low, high = np.full(shape, np.log(1e-9)), np.full(shape, np.log(1e2))
    for _ in range(60):  # there, one r
        middle = 0.5 * (low + high)
        with np.errstate(over="ignore"):
            is_below = state_at(p, V, middle)[2] > 0.0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    ln_r = 0.5 * (low + high)
    ahead_V, ahead_r = np.ones(shape), np.zeros(shape)
    path = [(V, ln_r)]
    while np.any(ln_r > np.log(R_LAST)) and len(path) < 100.0 / step:
        _, by_V, by_r = slopes(p, V, ln_r)
        size = np.hypot(by_V, by_r)
        side = np.sign(ahead_V * by_r - ahead_r * by_V)
        ahead_V, ahead_r = side * by_r / size, -side * by_V / size
        moves = ln_r > np.log(R_LAST)
        next_V, next_r = onto_curve(p, V + step * V_SCALE * ahead_V, ln_r + step * ahead_r, 3)
        V, ln_r = np.where(moves, next_V, V), np.where(moves, next_r, ln_r)
        path.append((V, ln_r))
    return np.array([V for V, _ in path]), np.array([ln_r for _, ln_r in path])


def between(p, V, ln_r, share):
    """The point of the curve beside the share of the way from the first point to the last, rho and state there."""
    V, ln_r = onto_curve(p, V[0] + share * (V[-1] - V[0]), ln_r[0] + share * (ln_r[-1] - ln_r[0]), 6)
    return pump_rate(p, V, ln_r)


def turn(p, V, ln_r, sign):
    """rho [sets] at its extremum between the ends of three points of each set's curve; sign: 1 for a maximum, -1 for a
    minimum."""
    column = np.arange(V.shape[1])
    low, high = np.zeros(len(column)), np.ones(len(column))
    for _ in range(6):
        shares = np.linspace(low, high, 21)
        rho = between(p, V, ln_r, shares)[0]
        at = np.clip(np.argmax(sign * rho, axis=0), 1, 19)
        low, high = shares[at - 1, column], shares[at + 1, column]
    return rho[at, column]


def count_unstable(p, rho, state):
    return np.sum(np.real(eigenvalues(p, rho, state)) > 0.0, axis=-1)


def crossing(p, V, ln_r, before):
    """rho [sets] where the number of unstable eigenvalues changes from `before` between two points of each set's curve."""
    low, high = np.zeros(V.shape[1]), np.ones(V.shape[1])
    for _ in range(45):
        middle = 0.5 * (low + high)
        is_before = count_unstable(p, *between(p, V, ln_r, middle)) == before
        low, high = np.where(is_before, middle, low), np.where(is_before, high, middle)
    return between(p, V, ln_r, middle)[0]


def lines(p, shares):
    """{line: rho [A m-2] at each share w_e / w_i, nan where there is no such point}; p: NEEDED but w_e as numbers.

    LP_rest: the resting state appears, together with the saddle; Hopf_rest: it becomes stable, if not at once.
    LP_starved: the starved state vanishes; Hopf_starved: it has become unstable.
    """
    shares = np.asarray(shares, dtype=float)
    V, ln_r = curve(p | {"w_e": shares * p["w_i"]})
    where = {name: [] for name in LINES}  # (share, point of its curve, sign of the extremum or unstable eigenvalues before)
    for k, share in enumerate(shares):
        one = p | {"w_e": share * p["w_i"]}
        n = 1 + int(np.argmax(ln_r[:, k] <= np.log(R_LAST)))
        rho, state = pump_rate(one, V[:n, k], ln_r[:n, k])
        unstable = count_unstable(one, rho, state)
        rises = np.sign(np.diff(rho))
        turns = np.nonzero(rises[1:] != rises[:-1])[0] + 1
        # along the curve rho falls to where rest ends, and falls once more from where starvation ends
        for name, sign, at in (("LP_rest", -1, turns[:1]), ("LP_starved", 1, turns[-1:])):
            for i in at:
                if rises[i] == -sign:
                    where[name].append((k, i, sign))
        changes = np.nonzero(unstable[1:] != unstable[:-1])[0]
        for name, at in (("Hopf_rest", changes[:1]), ("Hopf_starved", changes[-1:])):
            for i in at:
                if abs(unstable[i + 1] - unstable[i]) == 2:
                    where[name].append((k, i, unstable[i]))
    found = {name: np.full(shares.shape, np.nan) for name in LINES}
    for name, places in where.items():
        if places:
            k, i, known = map(np.array, zip(*places))
            some = p | {"w_e": shares[k] * p["w_i"]}
            find, around = (crossing, (i, i + 1)) if name.startswith("Hopf") else (turn, (i - 1, i, i + 1))
            found[name][k] = find(some, V[around, k], ln_r[around, k], known)
    return found


# --- the picture ------------------------------------------------------------------------------------------------


def over_share(grid):
    """The file with the axis w_e in units of the water of the cell."""
    share = grid["w_e"] / float(grid["w_i"])
    share.attrs = grid["w_e"].attrs | {"units": "1", "long_name": "extracellular water / cell water"}
    return grid.assign_coords(w_e=share).rename(w_e="share")


def draw_lines(figure, grid, x):
    """Adds the lines to every map of a figure over rho and the share."""
    shares, rates = source.coordinate(grid, "share")[0], source.coordinate(grid, "rho")[0]
    p = {name: float(grid[name]) for name in NEEDED if name != "w_e"}
    fine = np.geomspace(shares[0], shares[-1], 60)
    found = lines(p, fine)
    panels = [ax for ax in figure.axes if ax.get_xlabel() and ax.get_title()]
    for ax in panels:
        for name, (_, style) in LINES.items():
            inside = np.where((found[name] >= rates.min()) & (found[name] <= rates.max()), found[name], np.nan)
            path = (fine, inside) if x == "share" else (inside, fine)
            ax.plot(*path, color="white", linewidth=2.6, zorder=8)
            ax.plot(*path, color="black", linewidth=1.4, linestyle=style, zorder=9, label=LINES[name][0])
    figure.legend(handles=panels[-1].get_legend_handles_labels()[0], loc="outside right upper", frameon=False)


def plot(path, out, show=None):
    """Draws a map over rho and w_e with its lines; raises Refused with one sentence."""
    with source.open_cells(path) as grid:
        missing = [name for name in NEEDED if name not in grid.variables]
        if missing or sorted(source.axes_of(grid)) != ["rho", "w_e"] or np.ndim(grid["w_i"]) != 0:
            raise Refused(f"{path}: a map of neuron over rho and w_e is needed")
        if float(grid["I_app"]) != 0.0:
            raise Refused(f"{path}: the lines hold without an applied current, I_app = 0")
        with style.styled():
            part = source.choose(over_share(grid), "share", "rho", ())
            figure, _ = maps.draw_map(part, show or [name for name in ("V", "n_states") if name in part.cells])
            draw_lines(figure, part.cells, part.x)
            style.head(figure, *source.heading(part.cells, part.notes))
            style.finish(figure)
            figure.savefig(out, dpi=150)


def main():
    parser = argparse.ArgumentParser(description="Draws a map of neuron over rho and w_e with its LP and Hopf lines.")
    parser.add_argument("file", help="NetCDF file of nessmap")
    parser.add_argument("-o", "--output", help="picture to write (default: beside the file, .png)")
    parser.add_argument("--show", metavar="NAME", nargs="+", help="outputs to draw beside the classes")
    options = parser.parse_args()
    out = options.output or str(Path(options.file).with_suffix(".png"))
    try:
        plot(options.file, out, options.show)
    except Refused as refusal:
        print(f"neuron_boundary: {refusal}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
