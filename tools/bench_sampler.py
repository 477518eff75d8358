#!/usr/bin/env python3
"""How many fresh parameter sets a second reach a training step, by nessmap_tools.Sampler and PyTorch.

    bench_sampler.py CONFIG [--set KEY=VALUE]... [--batch 4096] [--steps 100] [--rounds 5]

A small network learns the scan's outputs from batches that it has never seen. By turns, the sampler solves a batch on
all cores, then PyTorch takes a step on all cores; side by side, each has half of them, and the sampler solves the next
batch in a thread of Python meanwhile. Beside them, in the same rounds: the sampler alone, and steps on one batch again
and again, on all cores. Medians of the rounds.
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


WAYS = ("sampler alone", "steps on one batch", "fresh batches, by turns", "fresh batches, side by side")


def measure(whole: Sampler, half: Sampler, batch: int, steps: int, rounds: int) -> tuple[list[list[float]], list[float]]:
    """Seconds of the WAYS, round by round, and the errors of fresh batches."""
    seconds, errors = [], []
    trainer, at = Trainer(whole.points(0, 16 * batch)), 16 * batch
    n_cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            clock = [time.perf_counter()]
            torch.set_num_threads(n_cores)
            for i in range(steps):
                points = whole.points(at + i * batch, batch)
            clock.append(time.perf_counter())
            for _ in range(steps):
                trainer.step(points)
            clock.append(time.perf_counter())
            for _ in range(steps):
                points, at = whole.points(at, batch), at + batch
                errors.append(trainer.step(points))
            clock.append(time.perf_counter())
            torch.set_num_threads(max(1, n_cores // 2))
            coming = pool.submit(half.points, at, batch)
            for _ in range(steps):
                points, at = coming.result(), at + batch
                coming = pool.submit(half.points, at, batch)
                errors.append(trainer.step(points))
            coming.result()
            clock.append(time.perf_counter())
            seconds.append([end - begun for begun, end in zip(clock, clock[1:])])
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
        whole = Sampler(options.config, options.set)
        half = Sampler(options.config, options.set, threads=max(1, len(os.sched_getaffinity(0)) // 2))
        wanted = options.batch * (16 + 1 + (2 * options.rounds + 1) * options.steps)
        if len(whole) < wanted:
            raise Refused(f"{wanted} points are wanted, and the design has {len(whole)}; --set design.n={wanted}")
    except (OSError, Refused) as refusal:
        print(f"bench_sampler: {refusal}", file=sys.stderr)
        return 2
    with whole, half:
        seconds, errors = measure(whole, half, options.batch, options.steps, options.rounds)
    n = options.batch * options.steps
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}, numpy {np.__version__}")
    print(f"batches of {options.batch}, {options.steps} steps a round, {options.rounds} rounds (medians; least to most)\n")
    print("| what | sets/s | ms a batch | |\n| --- | --- | --- | --- |")
    for k, what in enumerate(WAYS):
        took = sorted(row[k] for row in seconds)
        middle = statistics.median(took)
        print(f"| {what} | {n / middle:,.0f} | {1e3 * middle / options.steps:.2f} | "
              f"{1e3 * took[0] / options.steps:.2f} to {1e3 * took[-1] / options.steps:.2f} |")
    print(f"\nerror of the first and the last {options.steps} fresh batches (mean square in sd, median): "
          f"{statistics.median(errors[:options.steps]):.4f}, {statistics.median(errors[-options.steps:]):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
