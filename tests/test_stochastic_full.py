"""1e3 random networks of each topology (the long form of test_stochastic.py)."""

import harness
import test_stochastic


def test_stochastic_full():
    harness.run_in_pytest(test_stochastic.__doc__, test_stochastic.run_checks, full=True)


if __name__ == "__main__":
    harness.main(test_stochastic.__doc__, test_stochastic.run_checks)
