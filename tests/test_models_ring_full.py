"""driven_cycle over 1e6 random sets (the long form of test_models_ring.py)."""

import harness
import test_models_ring


def test_models_ring_full():
    harness.run_in_pytest(test_models_ring.__doc__, test_models_ring.run_checks, full=True)
