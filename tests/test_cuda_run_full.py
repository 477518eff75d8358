"""The long form of test_cuda_run.py: a failure of every launch, and kernels compiled by NVRTC."""

import harness
import test_cuda_run


def test_cuda_run_full():
    harness.run_in_pytest(test_cuda_run.__doc__, test_cuda_run.run_checks, full=True)


if __name__ == "__main__":
    harness.main(test_cuda_run.__doc__, test_cuda_run.run_checks)
