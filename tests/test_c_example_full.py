"""The C example with a model of one's own (the long form of test_c_example.py)."""

import harness
import test_c_example


def test_c_example_full():
    harness.run_in_pytest(test_c_example.__doc__, test_c_example.run_checks, full=True)
