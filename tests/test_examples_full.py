"""The worked examples of configs/ over 1e6 random sets (the long form of test_examples.py)."""

import harness
import test_examples


def test_examples_full():
    harness.run_in_pytest(test_examples.__doc__, test_examples.run_checks, full=True)
