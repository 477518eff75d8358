"""`nernst` with other ions over 1e6 random sets (the long form of test_models_ions.py)."""

import harness
import test_models_ions


def test_models_ions_full():
    harness.run_in_pytest(test_models_ions.__doc__, test_models_ions.run_checks, full=True)
