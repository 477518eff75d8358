"""The laws of nernst over 1e6 random sets (the long form of test_models_nernst.py)."""

import harness
import test_models_nernst


def test_models_nernst_full():
    harness.run_in_pytest(test_models_nernst.__doc__, test_models_nernst.run_checks, full=True)
