"""What Jupyter's server answers for the panel and for scripts; described in docs/rest.md."""
