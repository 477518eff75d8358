"""The long form of test_own_model.py: both compilers, NVRTC, killed runs and compilations, the speed of a copy."""

import harness
import test_own_model


def test_own_model_full():
    harness.run_in_pytest(test_own_model.__doc__, test_own_model.run_checks, full=True)


if __name__ == "__main__":
    harness.main(test_own_model.__doc__, test_own_model.run_checks)
