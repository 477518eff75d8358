"""The shipped maps at their full size, all outputs in f64 (the long form of test_maps.py)."""

import harness
import test_maps


def test_maps_full():
    harness.run_in_pytest(test_maps.__doc__, test_maps.run_checks, full=True)
