"""Memory at 2e7 points; see test_memory.py."""

import harness
import test_memory


def test_memory_full():
    harness.run_in_pytest(test_memory.__doc__, test_memory.run_checks, full=True)
