"""The lysis boundary of `pump_leak` in closed form: ohmic leaks, no cotransport.

Every leak is linear in its force, so the steady fluxes J_Na = -3 r, J_K = 2 r, J_Cl = 0 of a pump that turns at the
rate r give the forces

    x_Na = -3 r F^2 / (g_Na R T),   x_K = 2 r F^2 / (g_K R T),   x_Cl = 0

and, with alpha = Na_o exp(x_Na) + K_o exp(x_K), beta = Cl_o and the osmolarity Pi of the bath, osmotic and charge
balance leave room for the impermeant X of the cell only where

    4 alpha beta < Pi^2

(whatever its valence and amount). alpha is convex in r and 4 alpha(0) beta <= Pi^2, so this holds for 0 < r < r_max
with at most one r_max > 0: the K+ overload of an over-pumped cell. At r_max the cell is infinitely diluted, X = 0,
and osmotic and charge balance give theta = exp(-F V / R T) = Pi / (2 alpha), hence Na_i = Na_o exp(x_Na) theta. The
pump turns at r_max when

    p_max = r_max / (phi T(a)),
    phi = (Na_i / (K_Na + Na_i))^3 (K_o / (K_K + K_o))^2,
    a = -dG_ATP / R T + 3 x_Na - 2 x_K,   T(a) = (1 - exp(-a)) / (1 + kappa_r exp(-a))

for pump `rev`; T = 1 for `hill`; p_max = r_max for `const`. Where a <= 0 at r_max the pump stalls before it can
overload the cell: there is no boundary (p_max = inf). Where r_max = 0 every pump bursts the cell (p_max = 0). Larger
p_max bursts the cell, smaller p_max > 0 does not. The fuel drives the pump forwards here: dG_ATP < 0.

Units as in the files of nessmap: SI, concentrations in mol m-3. Derived independently of the solver: tests use it.
"""

import numpy as np

R = 8.31446261815324  # J mol-1 K-1
F = 96485.33212331001  # C mol-1

NEEDED = ("T", "Na_o", "K_o", "Cl_o", "Y_o", "g_Na", "g_K", "K_Na", "K_K", "kappa_r", "dG_ATP")


def _forces(p, r):
    """Forces x_Na, x_K of the leaks at the pump rate r."""
    per_rate = F * F / (R * p["T"])
    return -3.0 * r * per_rate / p["g_Na"], 2.0 * r * per_rate / p["g_K"]


def largest_rate(p):
    """r_max [mol m-2 s-1]: the pump rate at which the steady volume becomes infinite; 0 where every rate is too much.

    p: name -> number or array, broadcast against each other.
    """
    p = {name: np.asarray(p[name], dtype=float) for name in NEEDED}
    pi = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]
    room = pi * pi / (4.0 * p["Cl_o"])

    def excess(r):
        x_na, x_k = _forces(p, r)
        return p["Na_o"] * np.exp(x_na) + p["K_o"] * np.exp(x_k) - room

    # K+ alone fills the room at the upper end, so the root lies below it
    per_rate = F * F / (R * p["T"])
    high = np.log(room / p["K_o"]) * p["g_K"] / (2.0 * per_rate)
    # alpha is convex: its minimum, where it lies at r > 0, is a lower end inside the stable range
    ratio = 3.0 * p["Na_o"] * p["g_K"] / (2.0 * p["K_o"] * p["g_Na"])
    bottom = np.log(np.maximum(ratio, 1.0)) / (per_rate * (3.0 / p["g_Na"] + 2.0 / p["g_K"]))
    low, high = np.broadcast_arrays(bottom, np.maximum(high, bottom))
    low, high = low.copy(), high.copy()
    for _ in range(200):
        middle = 0.5 * (low + high)
        is_below = excess(middle) < 0.0
        low = np.where(is_below, middle, low)
        high = np.where(is_below, high, middle)
    has_room = excess(np.where(bottom > 0.0, bottom, 0.0)) < -1e-12 * room
    return np.where(has_room, 0.5 * (low + high), 0.0)


def boundary_p_max(p, pump="rev"):
    """p_max [mol m-2 s-1] of the boundary: 0 where every pump bursts the cell, inf where none does.

    p: name -> number or array for all of NEEDED, broadcast against each other; pump: rev, hill or const.
    """
    p = {name: np.asarray(p[name], dtype=float) for name in NEEDED}
    r = largest_rate(p)
    if pump == "const":
        return r
    x_na, x_k = _forces(p, r)
    pi = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]
    alpha = p["Na_o"] * np.exp(x_na) + p["K_o"] * np.exp(x_k)
    na_i = p["Na_o"] * np.exp(x_na) * pi / (2.0 * alpha)
    rate = (na_i / (p["K_Na"] + na_i)) ** 3 * (p["K_o"] / (p["K_K"] + p["K_o"])) ** 2
    if pump == "rev":
        a = -p["dG_ATP"] / (R * p["T"]) + 3.0 * x_na - 2.0 * x_k
        safe = np.maximum(a, 1e-300)
        rate = np.where(a > 0.0, rate * -np.expm1(-safe) / (1.0 + p["kappa_r"] * np.exp(-safe)), 0.0)
    elif pump != "hill":
        raise ValueError(f"pump {pump}: rev, hill and const are known")
    with np.errstate(divide="ignore"):
        return np.where(r > 0.0, r / rate, 0.0)


def is_bounded(p, pump="rev"):
    """True where the cell has a steady state of finite volume: 0 < p_max < boundary. p: NEEDED and p_max."""
    p_max = np.asarray(p["p_max"], dtype=float)
    boundary = boundary_p_max(p, pump)
    dead = np.asarray(p["Y_o"], dtype=float) > 0.0  # without a pump, only a bath with impermeant holds the cell
    return np.where(p_max > 0.0, p_max < boundary, dead)
