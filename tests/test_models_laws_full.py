"""The laws of test_models_laws.py over many more sets of every choice of every model."""

import harness
import test_models_laws


def test_models_laws_full():
    harness.run_in_pytest(test_models_laws.__doc__, test_models_laws.run_checks, full=True)
