"""The commands in notebook cells: ``%mlops``, ``%snapshot``, ``%restore``, ``%metrics``, ``%strip``."""
