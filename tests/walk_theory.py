"""What a molecule that walks at random between states does, exactly, from its rates alone. No test: others compare with it.

Rates that no window limits come from the characteristic polynomial of the tilted generator (Koza, J. Phys. A 32 (1999)
7637) in decimal arithmetic of so many digits that rates far apart do no harm; a window's mean and variance from the
matrix exponential, in doubles, of many walks at once. The program knows neither way.
"""

import decimal
import functools
from decimal import Decimal

import numpy as np

DIGITS = 260
STEP = Decimal(10) ** -20  # of differences in the tilt: their error is its square


def decimals(values):
    return np.array([Decimal(float(value)) for value in values], dtype=object)


class Walk:
    """ends: (from, to) of every edge; forth, back: its rates [s-1], one walk's. All that is kept is Decimal."""

    def __init__(self, n_states, ends, forth, back):
        self.n, self.ends = n_states, list(ends)
        self.forth, self.back = decimals(forth), decimals(back)
        with decimal.localcontext(prec=DIGITS):
            self.p = self.stationary()
            self.out = np.array([rate * self.p[i] for rate, (i, _) in zip(self.forth, self.ends)], dtype=object)
            self.home = np.array([rate * self.p[j] for rate, (_, j) in zip(self.back, self.ends)], dtype=object)
            self.net, self.ways = self.out - self.home, self.out + self.home
            pairs = zip(self.out, self.home)
            self.affinity = np.array([a.ln() - b.ln() if a > 0 and b > 0 else Decimal(0) for a, b in pairs])
            self.sigma, self.activity = sum(self.net * self.affinity), sum(self.ways)

    def generator(self, counts=None, tilt=0):
        """[to, from]; each jump is weighed by exp(tilt x what it counts)."""
        w = np.full((self.n, self.n), Decimal(0))
        for e, (i, j) in enumerate(self.ends):
            weight = Decimal(1) if counts is None else (tilt * counts[e]).exp()
            w[j, i] += self.forth[e] * weight
            w[i, j] += self.back[e] / weight
            w[i, i] -= self.forth[e]
            w[j, j] -= self.back[e]
        return w

    def stationary(self):
        """By elimination: the balance of the first state gives way to the sum of all shares."""
        rows = np.column_stack([self.generator(), np.full(self.n, Decimal(0))])
        rows[0, :] = Decimal(1)
        for k in range(self.n):
            pivot = k + int(np.argmax(np.abs(rows[k:, k])))
            rows[[k, pivot]] = rows[[pivot, k]]
            rows[k] = rows[k] / rows[k, k]
            for other in range(self.n):
                if other != k:
                    rows[other] = rows[other] - rows[other, k] * rows[k]
        return rows[:, -1]

    def polynomial(self, counts=None, tilt=0):
        """c of det(x - W) = sum c[k] x^k, by Faddeev and LeVerrier."""
        with decimal.localcontext(prec=DIGITS):
            w, unit = self.generator(counts, tilt), np.full((self.n, self.n), Decimal(0))
            np.fill_diagonal(unit, Decimal(1))
            c, m = [Decimal(1)], unit
            for k in range(1, self.n + 1):
                wm = w.dot(m)
                c.append(-wm.trace() / k)
                m = wm + c[-1] * unit
            return c[::-1]

    @functools.cached_property
    def untilted(self):
        return self.polynomial()

    def cumulants(self, counts):
        """Mean and variance rate of what counts[e] for a jump forth by e and as much less for one back [s-1]."""
        with decimal.localcontext(prec=DIGITS):
            here, (below, above) = self.untilted, (self.polynomial(counts, tilt) for tilt in (-STEP, STEP))
            slope = [(b - a) / (2 * STEP) for a, b in zip(below, above)]
            bend = (below[0] + above[0] - 2 * here[0]) / STEP**2
            mean = -slope[0] / here[1]
            return mean, -(bend + 2 * slope[1] * mean + 2 * here[2] * mean**2) / here[1]

    def scgf(self, counts, tilt):
        """lim ln <exp(tilt count)> / t [s-1]: the largest root, from above, where Newton's steps only fall."""
        with decimal.localcontext(prec=DIGITS):
            counts = [Decimal(count) for count in counts]
            c, w = self.polynomial(counts, Decimal(tilt)), self.generator(counts, Decimal(tilt))
            x = max(sum(w[:, k]) for k in range(self.n))
            size = max(abs(w[k, k]) for k in range(self.n))
            while True:
                value = slope = Decimal(0)
                for coefficient in reversed(c):
                    value, slope = value * x + coefficient, slope * x + value
                step = value / slope if slope != 0 else Decimal(0)
                x -= step
                if step <= size * Decimal(10) ** (-DIGITS // 4):
                    return x

    def counting(self, edge):
        return [Decimal(int(e == edge)) for e in range(len(self.ends))]

    def current(self, edge):
        """Mean and variance rate of the net jumps by an edge [s-1]"""
        return self.cumulants(self.counting(edge))

    def variance_of_entropy(self):
        """of the entropy production [k_B2 s-1]"""
        return self.cumulants(self.affinity)[1]


class Walks:
    """Many walks on the same edges, in doubles, seen through windows of `time` [s] that begin in the stationary state.

    forth, back: [edge][walk] [s-1]; time: of every walk, or of all.
    """

    def __init__(self, n_states, ends, forth, back, time):
        self.ends, self.forth, self.back = list(ends), np.asarray(forth, dtype=float), np.asarray(back, dtype=float)
        n_walks, eye = self.forth.shape[1], np.eye(n_states)
        self.time = time * np.ones(n_walks)
        q = np.zeros((n_walks, n_states, n_states))  # [from, to]
        for (i, j), a, b in zip(self.ends, self.forth, self.back):
            q[:, i, j] += a
            q[:, j, i] += b
        q -= q.sum(2)[:, :, None] * eye
        rows = np.concatenate([q.transpose(0, 2, 1)[:, 1:, :], np.ones((n_walks, 1, n_states))], axis=1)
        self.p = np.linalg.solve(rows, np.tile(eye[-1][:, None], (n_walks, 1, 1)))[:, :, 0]
        self.out = np.array([a * self.p[:, i] for a, (i, _) in zip(self.forth, self.ends)])
        self.home = np.array([b * self.p[:, j] for b, (_, j) in zip(self.back, self.ends)])
        self.net, self.ways = self.out - self.home, self.out + self.home
        is_open = (self.out > 0) & (self.home > 0)
        self.affinity = np.log(np.where(is_open, self.out, 1.0) / np.where(is_open, self.home, 1.0))
        self.sigma, self.activity = (self.net * self.affinity).sum(0), self.ways.sum(0)
        self.relaxing = self.integral(q * self.time[:, None, None])

    @staticmethod
    def integral(qt):
        """Of (1 - x) exp(qt x) over 0 to 1: a corner of the exponential of a larger matrix (Van Loan, IEEE Trans. Autom.
        Control 23 (1978) 395), by its series and as many squarings as the fastest walk needs."""
        n = qt.shape[1]
        n_squarings = max(0, int(np.ceil(np.log2(np.abs(qt).sum(2).max()))) + 1)
        block = np.zeros((len(qt), 3 * n, 3 * n))
        block[:, :n, :n] = qt
        block[:, :n, n : 2 * n] = block[:, n : 2 * n, 2 * n :] = np.eye(n)
        block /= 2.0**n_squarings
        term = whole = np.tile(np.eye(3 * n), (len(qt), 1, 1))
        for k in range(1, 19):
            term = term @ block / k
            whole = whole + term
        for _ in range(n_squarings):
            whole = whole @ whole
        return whole[:, :n, 2 * n :]

    def window(self, counts):
        """Mean and variance of what counts[edge] or counts[edge][walk] for a jump forth, and as much less for one back.

        Var = t sum c2 ways + 2 u . (integral of (t - x) exp(Q x)) . v, u: what is counted on the way into each state,
        v: on the way out of it, less the mean.
        """
        counts = np.asarray(counts, dtype=float)
        counts = counts[:, None] * np.ones_like(self.sigma) if counts.ndim == 1 else counts
        rate = (counts * self.net).sum(0)
        come, leave = np.zeros_like(self.p), np.zeros_like(self.p) - rate[:, None]
        for e, (i, j) in enumerate(self.ends):
            come[:, j] += counts[e] * self.out[e]
            come[:, i] -= counts[e] * self.home[e]
            leave[:, i] += counts[e] * self.forth[e]
            leave[:, j] -= counts[e] * self.back[e]
        pairs = np.einsum("wi,wij,wj->w", come, self.relaxing, leave) * self.time**2
        return rate * self.time, (counts**2 * self.ways).sum(0) * self.time + 2 * pairs

    def counting(self, edge):
        return np.arange(len(self.ends)) == edge
