"""What ``jupyter nbconvert --to`` finds of this package."""
