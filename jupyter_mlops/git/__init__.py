"""The only code that talks to Git, through GitPython."""
