"""test_verify with the file of a GPU, whatever made its kernels, and with larger files."""

import harness
import test_verify


def test_verify_full():
    harness.run_in_pytest(test_verify.__doc__, test_verify.run_checks, full=True)
