"""A million sets of the Post-Albers pump, alone and in a cell (the long form of test_models_pump.py)."""

import harness
import test_models_pump


def test_models_pump_full():
    harness.run_in_pytest(test_models_pump.__doc__, test_models_pump.run_checks, full=True)
