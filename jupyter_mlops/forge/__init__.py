"""Comments, statuses and pull requests on the forge that a project is on, and in a file."""
