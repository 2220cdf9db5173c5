"""Every parser fed with bytes that grow out of what it had not met before."""
