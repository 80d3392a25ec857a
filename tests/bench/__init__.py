"""Measurements, each against a peer or a limit measured in the same run: `python -m bench.<name>` with PYTHONPATH=tests.

They print numbers and decide nothing: a shared machine is too noisy for a test that fails on time. What the numbers
were, and on what machine, is kept in `docs/benchmarks.md`.
"""
