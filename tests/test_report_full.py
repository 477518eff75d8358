"""Reports of every layout with their pictures (the long form of test_report.py)."""

import harness
import test_report


def test_report_full():
    harness.run_in_pytest(test_report.__doc__, test_report.run_checks, full=True)
