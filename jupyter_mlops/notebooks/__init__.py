"""Notebook files as bytes: stripped, and joined with their outputs again; no I/O."""
