#!/usr/bin/env python3
"""A worked surrogate: what small networks learn of a scan, and how much less data they need with exact derivatives.

    surrogate.py FOLDER CONFIG [-o FIGURE.svg] [--save NETWORKS.pt] [--quick]
    surrogate.py FOLDER CONFIG --use NETWORKS.pt --predict NAME=VALUE...

FOLDER is what `nessmap export` wrote, CONFIG the scan behind it; the sampler of nessmap_tools solves it again wherever
an exact answer is asked for. A classifier learns the outcome, a regressor the outputs; both are multilayer perceptrons.
With --predict, they stand beside the solver for one parameter set: what is not named is the middle of its range.

    1. numbers for networks   2. networks   3. training   4. work for all cores   5. errors   6. learning curves
    7. figure   8. command line
"""

import argparse
import os
import platform
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nessmap_tools import Export, Refused, Sampler, load
from nessmap_tools.units import to_readable

WIDTH, DEPTH = 64, 3
RATE = 3e-3  # of Adam at its height, from where it falls to zero along a cosine
# what is tried, four ways each: weights are of the error of slopes, 0 for values alone
RATES = [{"rate": rate} for rate in (1e-3, 3e-3, 1e-2, 3e-2)]
TRIED = {"values": RATES, "values, as long": RATES,
         "values and slopes": [{"weight": weight, "rate": rate} for weight in (10.0, 30.0) for rate in (3e-3, 1e-2)]}
NEAR = 0.02  # of the range of an input
SEED = 1
FAR = "test, far from the boundary"

# --- 1. numbers for networks --------------------------------------------------------------------------------------


def is_logarithmic(column):
    """Outputs that are positive and range over more than a factor of 100 are learnt as logarithms."""
    return column.min is not None and column.min > 0.0 and column.max > 100.0 * column.min


class Scales:
    """From units of the files to numbers around 0 and 1, and back; float64 in, float32 tensors out."""

    def __init__(self, data: Export, y: np.ndarray):
        self.data = data
        self.is_log = np.array([is_logarithmic(column) for column in data.outputs])
        shaped = self.shaped(y)
        self.mean, self.sd = shaped.mean(0), shaped.std(0)

    def shaped(self, y):
        y = np.array(y, dtype=np.float64)
        y[:, self.is_log] = np.log(y[:, self.is_log])
        return y

    def inputs(self, x):
        return torch.from_numpy(self.data.scaled_inputs(x))

    def outputs(self, y):
        return torch.from_numpy(((self.shaped(y) - self.mean) / self.sd).astype(np.float32))

    def slopes(self, x, y, dy_dx):
        """Derivatives of scaled outputs by scaled inputs: the chain rule through both scalings."""
        dx = np.array([[column.ln_sd if column.scale == "log" else column.sd for column in self.data.inputs]])
        is_log = [column.scale == "log" for column in self.data.inputs]
        dx = dx * np.where(is_log, np.asarray(x, dtype=np.float64), 1.0)
        dy = self.sd * np.where(self.is_log, np.asarray(y, dtype=np.float64), 1.0)
        return torch.from_numpy((dy_dx * dx[:, None, :] / dy[:, :, None]).astype(np.float32))

    def values(self, z):
        """Outputs in units of the files from what a network says."""
        y = np.asarray(z, dtype=np.float64) * self.sd + self.mean
        y[:, self.is_log] = np.exp(y[:, self.is_log])
        return y


@dataclass
class Rows:
    """Rows for a regressor."""

    x: torch.Tensor
    y: torch.Tensor
    slopes: torch.Tensor

    def first(self, n):
        return Rows(self.x[:n], self.y[:n], self.slopes[:n])

    def __len__(self):
        return len(self.x)


def rows_of(data, scales, rows):
    batch = data.batch(rows)
    return Rows(scales.inputs(batch.x), scales.outputs(batch.y), scales.slopes(batch.x, batch.y, batch.slopes))


# --- 2. networks --------------------------------------------------------------------------------------------------


def network(n_inputs, n_outputs, seed):
    torch.manual_seed(seed)
    layers, width = [], n_inputs
    for _ in range(DEPTH):
        layers += [nn.Linear(width, WIDTH), nn.SiLU()]
        width = WIDTH
    return nn.Sequential(*layers, nn.Linear(width, n_outputs))


def with_slopes(net, x):
    """Outputs [n, outputs] and their derivatives [n, outputs, inputs], carried forward layer by layer."""
    slopes = torch.eye(x.shape[1], dtype=x.dtype).expand(len(x), -1, -1)
    for layer in net:
        if isinstance(layer, nn.Linear):
            x, slopes = layer(x), slopes @ layer.weight.T
        else:
            s = torch.sigmoid(x)
            slopes = slopes * (s * (1.0 + x * (1.0 - s))).unsqueeze(1)
            x = x * s
    return x, slopes.transpose(1, 2)


# --- 3. training --------------------------------------------------------------------------------------------------


@dataclass
class Job:
    """One regressor to train."""

    n: int  # the first rows of the training rows
    seed: int
    steps: int
    batch: int
    weight: float = 0.0  # of the error of slopes; 0: values alone
    rate: float = RATE


def slope_error(slopes, exact):
    """Mean squared error of slopes; where they are steep, relative to them: near a boundary they have no bound."""
    return ((slopes - exact).square().sum(2) / (1.0 + exact.square().sum(2))).mean()


def train(net, error_of, n, steps, batch, rate, watch=None):
    """Adam over shuffled batches of n rows; error_of(net, rows) is made small. watch(net) is looked at ten times, and
    the network of its least value is kept."""
    optimizer = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.05)
    best, kept, order = np.inf, None, torch.randperm(n)
    at = 0
    for step in range(steps):
        if at + batch > n:
            order, at = torch.randperm(n), 0
        rows = order[at : at + batch]
        at += batch
        optimizer.zero_grad()
        error_of(net, rows).backward()
        optimizer.step()
        schedule.step()
        if watch and (step + 1) % max(1, steps // 10) == 0:
            seen = watch(net)
            if seen < best:
                best, kept = seen, {name: value.clone() for name, value in net.state_dict().items()}
    if kept:
        net.load_state_dict(kept)


def regressor(rows, validation, job):
    """A regressor of these rows; the network that does best on the validation rows is kept."""
    net = network(rows.x.shape[1], rows.y.shape[1], job.seed)

    def error_of(net, chosen):
        if job.weight == 0.0:
            return (net(rows.x[chosen]) - rows.y[chosen]).square().mean()
        y, slopes = with_slopes(net, rows.x[chosen])
        return (y - rows.y[chosen]).square().mean() + job.weight * slope_error(slopes, rows.slopes[chosen])

    def watch(net):
        with torch.no_grad():
            return float((net(validation.x) - validation.y).square().mean())

    train(net, error_of, len(rows), job.steps, min(job.batch, len(rows)), job.rate, watch)
    return net


def classifier(x, codes, n_classes, steps, batch, seed):
    net = network(x.shape[1], n_classes, seed)

    def error_of(net, chosen):
        return nn.functional.cross_entropy(net(x[chosen]), codes[chosen])

    train(net, error_of, len(x), steps, batch, RATE)
    return net


# --- 4. work for all cores ----------------------------------------------------------------------------------------


class Worker:
    """What each process keeps; filled by begin_work."""

    training: Rows
    validation: Rows
    test: Rows


def end_with_parent():
    """No worker outlives a main process that was killed."""
    parent_process().join()
    os._exit(1)


def begin_work(*arrays):
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    rows = [Rows(*(torch.from_numpy(array) for array in three)) for three in arrays]
    Worker.training, Worker.validation, Worker.test = rows


def work(job):
    """Error on validation rows, error on test rows (root mean square over outputs, in sd), and the weights found."""
    watched = Worker.validation.first(max(64, job.n // 4))
    net = regressor(Worker.training.first(job.n), watched, job)
    with torch.no_grad():
        found = [float((net(rows.x) - rows.y).square().mean().sqrt()) for rows in (Worker.validation, Worker.test)]
    return *found, {name: value.numpy() for name, value in net.state_dict().items()}


def workers(*three):
    arrays = [tuple(part.numpy() for part in (rows.x, rows.y, rows.slopes)) for rows in three]
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn"), begin_work, arrays)


# --- 5. errors ----------------------------------------------------------------------------------------------------


def is_near_boundary(sampler, data, x):
    """Whether one of the 2 d cells that are moved by NEAR of the range of an input, up or down, ends otherwise."""
    moved = [x]
    for k, column in enumerate(data.inputs):
        for sign in (-1, 1):
            other = x.copy()
            if column.scale == "log":
                other[:, k] *= (column.high / column.low) ** (sign * NEAR)
            else:
                other[:, k] += sign * NEAR * (column.high - column.low)
            moved.append(other)
    outcomes = sampler.solve(np.concatenate(moved)).outcome.reshape(len(moved), len(x))
    return (outcomes != outcomes[0]).any(axis=0)


@dataclass
class Errors:
    """Of one group of rows."""

    name: str
    n: int
    is_right: float  # share of outcomes that the classifier names
    majority: float  # share of the most frequent outcome: what a guess gets
    n_valued: int
    rmse: np.ndarray  # [outputs] in sd of the training rows, as they are learnt
    median: np.ndarray  # [outputs] median of |error| in the unit of the file, of logarithms relative
    high: np.ndarray  # [outputs] its 99 % quantile


def errors_of(name, data, scales, nets, classes, rows):
    batch = data.batch(rows)
    valued = np.isfinite(batch.y).all(axis=1)
    with torch.no_grad():
        said = classes[nets[0](scales.inputs(batch.x)).argmax(1).numpy()]
        z = nets[1](scales.inputs(batch.x[valued]))
    off = np.abs(scales.values(z.numpy()) / np.where(scales.is_log, batch.y[valued], 1.0)
                 - np.where(scales.is_log, 1.0, batch.y[valued]))
    shares = [np.mean(batch.outcome == code) for code in classes]
    rmse = (z - scales.outputs(batch.y[valued])).square().mean(0).sqrt().numpy()
    return Errors(name, len(rows), np.mean(said == batch.outcome), max(shares), int(valued.sum()), rmse,
                  np.median(off, axis=0), np.percentile(off, 99, axis=0))


def group_rows(sampler, data, n):
    """Rows of the test part far from and near a boundary, and those of the held-out box."""
    test = data.rows("test", has_values=False)[:n]
    near = is_near_boundary(sampler, data, data.batch(test).x)
    groups = {FAR: test[~near], "test, near the boundary": test[near]}
    box = data.rows("extrapolation", has_values=False)[:n]
    if len(box):
        near = is_near_boundary(sampler, data, data.batch(box).x)
        groups.update({"held-out box, far": box[~near], "held-out box, near": box[near]})
    return {name: rows for name, rows in groups.items() if len(rows)}


def print_errors(data, classes, errors, confusion):
    names = [column.name for column in data.outputs]
    print("| rows | n | outcome right | (most frequent) | " +
          " | ".join(f"{name}: RMSE/sd, median, 99 %" for name in names) + " |")
    print("| --- " * (4 + len(names)) + "|")
    for e in errors:
        cells = []
        for k, column in enumerate(data.outputs):
            factor, _, unit = (100.0, "%", "%") if is_logarithmic(column) else to_readable(column.unit)
            cells.append(f"{e.rmse[k]:.4f}, {e.median[k] * factor:.2g}, {e.high[k] * factor:.2g} {unit}")
        print(f"| {e.name} | {e.n:,} | {100 * e.is_right:.2f} % | {100 * e.majority:.1f} % | {' | '.join(cells)} |")
    words = {o["code"]: o["name"] for o in data.meta["outcomes"]}
    print("\nTest rows by what they are (lines) and what the classifier says (columns):\n")
    print("| | " + " | ".join(words[code] for code in classes) + " |\n" + "| --- " * (1 + len(classes)) + "|")
    for code, line in zip(classes, confusion):
        print(f"| {words[code]} | " + " | ".join(f"{count:,}" for count in line) + " |")


# --- 6. learning curves -------------------------------------------------------------------------------------------


@dataclass
class Curve:
    """Test errors against the number of training rows; one line of `error` for each seed."""

    name: str
    error: np.ndarray  # [seeds, sizes] root of the mean square over outputs, in sd
    steps: int


def tune(pool, steps, plan):
    """For each curve: [(error on the validation part, way)] at the middle size, best first."""
    n = plan.sizes[len(plan.sizes) // 2]
    jobs = {name: [pool.submit(work, Job(n, SEED, steps[name], plan.batch, **way)) for way in ways]
            for name, ways in TRIED.items()}
    found = {name: [(job.result()[0], way) for job, way in zip(jobs[name], TRIED[name])] for name in TRIED}
    return {name: sorted(pairs, key=lambda pair: pair[0]) for name, pairs in found.items()}


def cost_of_slopes(training, plan):
    """Time of a step with slopes in that of a step without: the median of five turns."""
    ratios = []
    for _ in range(5):
        marks = [time.perf_counter()]
        for weight in (0.0, 1.0):
            regressor(training.first(plan.sizes[-1]), training.first(16), Job(0, SEED, 60, plan.batch, weight))
            marks.append(time.perf_counter())
        ratios.append((marks[2] - marks[1]) / (marks[1] - marks[0]))
    return float(np.median(ratios))


def learning_curves(pool, best, steps, plan):
    """Values alone; values and slopes, as many steps; values alone, as much time."""
    curves = [Curve(name, np.zeros((plan.seeds, len(plan.sizes))), n) for name, n in steps.items()]
    ways = [best[name] for name in steps]
    places = [(k, seed, i) for i in range(len(plan.sizes)) for seed in range(plan.seeds) for k in range(3)]
    jobs = [Job(plan.sizes[i], SEED + seed, curves[k].steps, plan.batch, **ways[k]) for k, seed, i in places]
    for (k, seed, i), (_, error, _) in zip(places, pool.map(work, jobs)):
        curves[k].error[seed, i] = error
        if (k, seed) == (2, plan.seeds - 1):
            print(f"  {plan.sizes[i]} rows: " + ", ".join(f"{c.name} {c.error[:, i].mean():.4f}" for c in curves),
                  file=sys.stderr, flush=True)
    return curves


def rows_needed(sizes, error, level):
    """Rows at which a falling curve meets a level, along lines in logarithms; 0 or infinite beyond its ends."""
    if level > error[0]:
        return 0.0
    for i in range(len(sizes) - 1):
        if level >= error[i + 1]:
            share = np.log(error[i] / level) / np.log(error[i] / error[i + 1]) if level < error[i] else 0.0
            return float(sizes[i] * (sizes[i + 1] / sizes[i]) ** share)
    return np.inf


def times_fewer(sizes, without, having, i):
    """How many times more rows the error of size i needs without slopes: of the means, least and most over seeds."""
    def words(rows):
        if rows == 0.0:
            return f"below {sizes[0] / sizes[i]:.2g}"
        return f"over {sizes[-1] / sizes[i]:.3g}" if rows == np.inf else f"{rows / sizes[i]:.2g}"

    level = having.error[:, i].mean()
    each = [rows_needed(sizes, line, own) for line in without.error for own in having.error[:, i]]
    low, high = words(min(each)), words(max(each))
    spread = low if low == high else f"{low} to {high}"
    return f"{words(rows_needed(sizes, without.error.mean(0), level))} ({spread})"


def print_curves(data, curves, sizes, tuned, stretch):
    def tries(found):
        return "; ".join(f"{error:.4f} with " + ", ".join(f"{k} {v:g}" for k, v in way.items()) for error, way in found)

    print("\nLearning curves: error of test rows far from the boundary (root mean square over outputs, in sd), mean\n"
          f"and range of {len(curves[0].error)} seeds. A step with slopes takes {stretch:.1f} times as long; a row\n"
          f"with them is {1 + len(data.inputs)} times the numbers.\n")
    for name, found in tuned.items():
        print(f"- {name}: the best of {len(found)} ways on validation rows is taken ({tries(found)})")
    print()
    print("| training rows | " + " | ".join(f"{c.name} ({c.steps:,} steps)" for c in curves) + " |")
    print("| --- " * (1 + len(curves)) + "|")
    for i, n in enumerate(sizes):
        print(f"| {n:,} | " + " | ".join(f"{c.error[:, i].mean():.4f} ({c.error[:, i].min():.4f} to "
                                         f"{c.error[:, i].max():.4f})" for c in curves) + " |")
    print("\nHow many times more rows the same error needs without slopes (range over pairs of seeds):\n")
    print("| rows with slopes | error | without, as many steps | without, as much time |\n| --- | --- | --- | --- |")
    for i, n in enumerate(sizes):
        print(f"| {n:,} | {curves[1].error[:, i].mean():.4f} | {times_fewer(sizes, curves[0], curves[1], i)} | "
              f"{times_fewer(sizes, curves[2], curves[1], i)} |")


# --- 7. figure ----------------------------------------------------------------------------------------------------

LINES = {"values": ("#D55E00", "o", "--"), "values and slopes": ("#0072B2", "s", "-"),
         "values, as long": ("#E69F00", "^", ":")}
BARS = (("#8FCBEF", None), ("#0072B2", "//"), ("#E8C98A", None), ("#D55E00", "\\\\"))


def draw(path, data, curves, sizes, errors):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nessmap", "font.family": "sans-serif"})
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.3), layout="constrained")
    for curve in curves:
        colour, marker, style = LINES[curve.name]
        left.fill_between(sizes, curve.error.min(0), curve.error.max(0), color=colour, alpha=0.2, linewidth=0)
        left.plot(sizes, curve.error.mean(0), style, color=colour, marker=marker, markersize=5,
                  label=f"{curve.name} ({curve.steps:,} steps)")
    left.set(xscale="log", yscale="log", xlabel="training rows", ylabel="test error (root mean square, in sd)",
             title="what exact derivatives are worth")
    left.set_xticks(sizes, [f"{n:,}" for n in sizes])
    left.set_xticks([], minor=True)
    left.grid(alpha=0.3, linewidth=0.5, which="both")
    left.legend(frameon=False, fontsize=9)

    width = 0.8 / len(errors)
    for i, e in enumerate(errors):
        colour, hatch = BARS[i % len(BARS)]
        right.bar(np.arange(len(e.rmse)) + (i - (len(errors) - 1) / 2) * width, e.rmse, width, color=colour,
                  hatch=hatch, edgecolor="#222222", linewidth=0.5,
                  label=f"{e.name} ({100 * e.is_right:.1f} % of outcomes right)")
    right.set(yscale="log", ylabel="error (root mean square, in sd)", title="where the surrogate errs")
    right.set_xticks(range(len(data.outputs)), [c.name for c in data.outputs])
    top = right.get_ylim()[1]
    right.set_ylim(top=top * 12)
    right.legend(frameon=False, fontsize=8, loc="upper right")
    right.grid(alpha=0.3, linewidth=0.5, axis="y")
    figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)
    plt.close(figure)


# --- 8. command line ----------------------------------------------------------------------------------------------


@dataclass
class Plan:
    """How much work is done."""

    sizes: tuple = (256, 1024, 4096, 16384, 65536)
    seeds: int = 3
    steps: int = 2000
    batch: int = 256
    final_rows: int = 262144
    final_steps: int = 6000
    final_batch: int = 1024
    tested: int = 100000


QUICK = Plan((128, 512, 2048), 1, 400, 128, 8192, 1500, 256, 2000)


def learn(data, sampler, plan):
    """Everything; returns what is drawn and what is saved."""
    train_rows = data.rows("train", has_slopes=True)[: max(plan.final_rows, plan.sizes[-1])]
    scales = Scales(data, data.batch(train_rows).y)
    training = rows_of(data, scales, train_rows)
    validation = rows_of(data, scales, data.rows("validation", has_slopes=True)[: max(1024, plan.sizes[-1] // 4)])
    groups = group_rows(sampler, data, plan.tested)
    far = groups[FAR][np.isfinite(data.batch(groups[FAR]).y).all(axis=1)]
    test = rows_of(data, scales, far[:20000])

    with workers(training, validation, test) as pool:
        stretch = cost_of_slopes(training, plan)
        steps = {"values": plan.steps, "values and slopes": plan.steps, "values, as long": round(plan.steps * stretch)}
        tuned = tune(pool, steps, plan)
        best = {name: found[0][1] for name, found in tuned.items()}
        curves = learning_curves(pool, best, steps, plan)

        # the networks that are kept; the classifier learns from all rows, also those without values
        n, size = plan.final_steps, plan.final_batch
        final = pool.submit(work, Job(plan.final_rows, SEED, n, size, **best["values and slopes"]))
        every = data.batch(data.rows("train", has_values=False)[: 2 * plan.final_rows])
        classes = np.unique(every.outcome)
        codes = torch.from_numpy(np.searchsorted(classes, every.outcome))
        judge = classifier(scales.inputs(every.x), codes, len(classes), n, size, SEED)
        values = network(len(data.inputs), len(data.outputs), SEED)
        values.load_state_dict({name: torch.from_numpy(array) for name, array in final.result()[2].items()})

    errors = [errors_of(name, data, scales, (judge, values), classes, rows)
              for name, rows in groups.items()]
    batch = data.batch(data.rows("test", has_values=False)[: plan.tested])
    with torch.no_grad():
        said = judge(scales.inputs(batch.x)).argmax(1).numpy()
    confusion = [[int(np.sum((batch.outcome == code) & (said == k))) for k in range(len(classes))] for code in classes]
    print_errors(data, classes, errors, confusion)
    print_curves(data, curves, plan.sizes, tuned, stretch)
    print(f"\nThe network that is kept, of {len(training):,} rows with slopes, has the error {final.result()[1]:.4f}.")
    saved = {"judge": judge.state_dict(), "values": values.state_dict(), "classes": classes.tolist(),
             "mean": scales.mean.tolist(), "sd": scales.sd.tolist(), "hash": data.meta["hash"]}
    return curves, errors, saved


def predict(data, sampler, path, texts):
    """What the networks say of one set, beside what the solver says."""
    names = [column.name for column in data.inputs]
    x = np.array([[np.sqrt(c.low * c.high) if c.scale == "log" else 0.5 * (c.low + c.high) for c in data.inputs]])
    for text in texts:
        name, _, value = text.partition("=")
        if name not in names:
            raise Refused(f"--predict {text}: there is no input {name!r} among {', '.join(names)}")
        try:
            x[0, names.index(name)] = float(value)
        except ValueError:
            raise Refused(f"--predict {text}: NAME=VALUE with a number in the unit of the input is wanted") from None
    saved = torch.load(path, weights_only=True)
    if saved["hash"] != data.meta["hash"]:
        raise Refused(f"{path}: learnt from another export than {data.folder}")
    scales = Scales(data, np.ones((2, len(data.outputs))))
    scales.mean, scales.sd = np.array(saved["mean"]), np.array(saved["sd"])
    judge = network(len(names), len(saved["classes"]), SEED)
    judge.load_state_dict(saved["judge"])
    values = network(len(names), len(data.outputs), SEED)
    values.load_state_dict(saved["values"])
    words = {o["code"]: o["name"] for o in data.meta["outcomes"]}
    with torch.no_grad():
        shares = torch.softmax(judge(scales.inputs(x)), 1)[0].numpy()
        y = scales.values(values(scales.inputs(x)).numpy())[0]
    exact = sampler.solve(x)
    print("set       " + ", ".join(f"{c.name} = {v:.4g}{' ' + c.unit if c.unit != '1' else ''}"
                                   for c, v in zip(data.inputs, x[0])))
    print("outcome   " + ", ".join(f"{words[code]} {100 * p:.1f} %" for code, p in zip(saved["classes"], shares)) +
          f"   exact: {words[int(exact.outcome[0])]}")
    for column, said, right in zip(data.outputs, y, exact.Y[0]):
        factor, _, unit = to_readable(column.unit)
        print(f"{column.name:<9} {said * factor:.5g} {unit}   exact: {right * factor:.5g} {unit}")


def check_match(data, sampler, config):
    """The columns of the export must be those of the configuration."""
    for what, columns, others in (("inputs", data.inputs, sampler.inputs), ("outputs", data.outputs, sampler.outputs)):
        ours, theirs = [c.name for c in columns], [c.name for c in others]
        if ours != theirs:
            raise Refused(f"{config}: its {what} are {', '.join(theirs)}, but {data.folder} has {', '.join(ours)}")
    if data.dY_dX is None:
        raise Refused(f"{data.folder}: holds no derivatives; [output] gradients of the scan asks for them")


def main():
    parser = argparse.ArgumentParser(description="Trains small networks on an export of nessmap, and measures them.")
    parser.add_argument("folder", help="what `nessmap export` wrote")
    parser.add_argument("config", help="the configuration of the scan")
    parser.add_argument("-o", "--output", help="figure to write, .svg or .png")
    parser.add_argument("--save", metavar="FILE", help="keep the networks")
    parser.add_argument("--quick", action="store_true", help="small networks of little data: a minute at most")
    parser.add_argument("--use", metavar="FILE", help="networks that --save has kept")
    parser.add_argument("--predict", metavar="NAME=VALUE", nargs="*", help="one parameter set, in units of the file")
    options = parser.parse_args()
    try:
        if (options.use is None) != (options.predict is None):
            raise Refused("--use and --predict go together")
        data = load(options.folder)
        with Sampler(options.config, ["solver.audit=0"], dtype=np.float64) as sampler:
            check_match(data, sampler, options.config)
            if options.use:
                predict(data, sampler, options.use, options.predict)
                return 0
            begun = time.perf_counter()
            torch.set_num_threads(1)  # networks this small gain nothing from more; the cores train one each
            plan = QUICK if options.quick else Plan()
            curves, errors, saved = learn(data, sampler, plan)
            print(f"\n{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}: "
                  f"{time.perf_counter() - begun:.0f} s in all")
            if options.output:
                draw(Path(options.output), data, curves, plan.sizes, errors)
            if options.save:
                torch.save(saved, options.save)
    except (OSError, Refused) as refusal:
        print(f"surrogate: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
