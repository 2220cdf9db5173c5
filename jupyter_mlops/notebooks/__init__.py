"""Notebook files as bytes: stripped, and joined with their outputs again; no I/O."""

CHECKPOINTS_FOLDER = ".ipynb_checkpoints"
"""The folder in which Jupyter keeps a copy of each notebook that it saves."""
