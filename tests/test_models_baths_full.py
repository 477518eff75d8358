"""A million sets of bathtub, na_bath and schlogl (the long form of test_models_baths.py)."""

import harness
import test_models_baths


def test_models_baths_full():
    harness.run_in_pytest(test_models_baths.__doc__, test_models_baths.run_checks, full=True)
