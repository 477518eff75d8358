"""Derivatives against differences for every variant (the long form of test_gradients.py)."""

import harness
import test_gradients


def test_gradients_full():
    harness.run_in_pytest(test_gradients.__doc__, test_gradients.run_checks, full=True)
