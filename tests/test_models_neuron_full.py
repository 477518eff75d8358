"""The laws of neuron over 1e6 random sets, and its whole map (the long form of test_models_neuron.py)."""

import harness
import test_models_neuron


def test_models_neuron_full():
    harness.run_in_pytest(test_models_neuron.__doc__, test_models_neuron.run_checks, full=True)
