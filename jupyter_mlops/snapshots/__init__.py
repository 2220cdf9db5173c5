"""Kept states of a project: tracked data, code, parameters and metrics, each tied to a commit."""
