"""The commands in notebook cells: ``%mlops``, and ``%snapshot`` and others by themselves."""
