"""All golden networks and rings, and 1e6 random sets (the long form of test_models_network.py)."""

import harness
import test_models_network


def test_models_network_full():
    harness.run_in_pytest(test_models_network.__doc__, test_models_network.run_checks, full=True)
