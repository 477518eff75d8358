"""The long form of test_faults.py: a model that hangs when it is loaded, laws that yield NaN or never converge."""

import harness
import test_faults


def test_faults_full():
    harness.run_in_pytest(test_faults.__doc__, test_faults.run_checks, full=True)


if __name__ == "__main__":
    harness.main(test_faults.__doc__, test_faults.run_checks)
