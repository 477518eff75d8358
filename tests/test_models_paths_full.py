"""The laws of carrier, parallel_paths and barrier over 1e6 random sets (the long form of test_models_paths.py)."""

import harness
import test_models_paths


def test_models_paths_full():
    harness.run_in_pytest(test_models_paths.__doc__, test_models_paths.run_checks, full=True)
