#!/usr/bin/env python3
"""How many fresh parameter sets a second reach a training step, by nessmap_tools.Sampler and PyTorch.

    bench_sampler.py CONFIG [--set KEY=VALUE]... [--batch 4096] [--steps 100] [--rounds 5]

A small network learns the scan's outputs from batches that it has never seen: the sampler solves the next batch in a
thread of its own while PyTorch takes a step on this one. Beside it, in the same rounds: the sampler alone, and steps on
one batch again and again. Medians of the rounds, on as many threads as this process may use.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from nessmap_tools import Points, Refused, Sampler


def network(n_inputs: int, n_outputs: int) -> torch.nn.Sequential:
    layers, width = [], n_inputs
    for _ in range(3):
        layers += [torch.nn.Linear(width, 64), torch.nn.SiLU()]
        width = 64
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, n_outputs))


class Trainer:
    """Takes steps on rows of points, standardised by the first of them."""

    def __init__(self, points: Points):
        x, y = self.rows(points)
        self.x_mean, self.x_sd, self.y_mean, self.y_sd = x.mean(0), x.std(0), y.mean(0), y.std(0)
        self.net = network(x.shape[1], y.shape[1])
        self.optimizer = torch.optim.Adam(self.net.parameters(), 1e-3)

    @staticmethod
    def rows(points: Points) -> tuple[torch.Tensor, torch.Tensor]:
        is_valid = np.isfinite(points.Y).all(axis=1)
        return torch.from_numpy(points.X[is_valid]), torch.from_numpy(points.Y[is_valid])

    def step(self, points: Points) -> float:
        x, y = self.rows(points)
        self.optimizer.zero_grad()
        error = (self.net((x - self.x_mean) / self.x_sd) - (y - self.y_mean) / self.y_sd).square().mean()
        error.backward()
        self.optimizer.step()
        return float(error.detach())


def measure(sampler: Sampler, batch: int, steps: int, rounds: int) -> tuple[list[list[float]], list[float]]:
    """Seconds of [sampler alone, steps on one batch, steps on fresh batches], round by round, and the errors."""
    seconds, errors = [], []
    trainer, at = Trainer(sampler.points(0, 16 * batch)), 16 * batch
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            begun = time.perf_counter()
            for i in range(steps):
                points = sampler.points(at + i * batch, batch)
            solved = time.perf_counter()
            for _ in range(steps):
                Trainer.step(trainer, points)
            stepped = time.perf_counter()
            at += steps * batch
            coming = pool.submit(sampler.points, at, batch)
            for _ in range(steps):
                points, at = coming.result(), at + batch
                coming = pool.submit(sampler.points, at, batch)
                errors.append(trainer.step(points))
            coming.result()
            seconds.append([solved - begun, stepped - solved, time.perf_counter() - stepped])
    return seconds, errors


def main() -> int:
    parser = argparse.ArgumentParser(description="Fresh parameter sets a second into a training step.")
    parser.add_argument("config", help="configuration of the scan; its design must have enough points")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=100, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    try:
        sampler = Sampler(options.config, options.set)
        wanted = options.batch * (16 + 1 + 2 * options.steps * options.rounds)
        if len(sampler) < wanted:
            raise Refused(f"{wanted} points are wanted, and the design has {len(sampler)}; --set design.n={wanted}")
    except (OSError, Refused) as refusal:
        print(f"bench_sampler: {refusal}", file=sys.stderr)
        return 2
    with sampler:
        seconds, errors = measure(sampler, options.batch, options.steps, options.rounds)
    n = options.batch * options.steps
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}, numpy {np.__version__}")
    print(f"batches of {options.batch}, {options.steps} steps a round, {options.rounds} rounds (medians; least to most)\n")
    print("| what | sets/s | ms a batch | |\n| --- | --- | --- | --- |")
    for k, what in enumerate(("sampler alone", "steps on one batch", "fresh batches into steps")):
        took = sorted(row[k] for row in seconds)
        middle = statistics.median(took)
        print(f"| {what} | {n / middle:,.0f} | {1e3 * middle / options.steps:.2f} | "
              f"{1e3 * took[0] / options.steps:.2f} to {1e3 * took[-1] / options.steps:.2f} |")
    print(f"\nerror of the first and the last {options.steps} fresh batches (mean square, in sd): "
          f"{statistics.fmean(errors[:options.steps]):.4f}, {statistics.fmean(errors[-options.steps:]):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
