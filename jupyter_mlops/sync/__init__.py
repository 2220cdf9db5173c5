"""Exchange of content with remotes: what one end lacks is planned, then moved."""
