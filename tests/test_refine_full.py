"""The boundary of lysis as shipped (the long form of test_refine.py)."""

import harness
import test_refine


def test_refine_full():
    harness.run_in_pytest(test_refine.__doc__, test_refine.run_checks, full=True)
