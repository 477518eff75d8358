"""Lets what a test could not run be seen: pytest keeps the output of tests that pass to itself."""

import harness


def pytest_terminal_summary(terminalreporter):
    for text in harness.not_run_texts:
        terminalreporter.write_line(f"not run: {text}")
