"""What the package promises to be faster than, measured in one run.

``python -m tests.benchmarks.targets`` measures jupyter-mlops, DVC and what no tool can be faster
than, on new file systems; :mod:`tests.benchmarks.targets.page` writes ``docs/benchmarks.md``.
"""
