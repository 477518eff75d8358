"""The long form of test_refine.py."""

import harness
from test_refine import __doc__ as description, run_checks


def test_refine_full():
    harness.run_in_pytest(description, run_checks, full=True)
