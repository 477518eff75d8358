"""All layouts of files in part (the long form of test_partial.py)."""

import harness
import test_partial


def test_partial_full():
    harness.run_in_pytest(test_partial.__doc__, test_partial.run_checks, full=True)
