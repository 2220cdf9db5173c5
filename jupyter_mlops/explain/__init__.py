"""What differs between two states that may explain a metric's move; pure."""
