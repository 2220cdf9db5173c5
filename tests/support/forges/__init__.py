"""Forges that keep what is written to them, on loopback, as their documentation describes them."""
