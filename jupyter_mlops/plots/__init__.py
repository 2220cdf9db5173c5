"""Plots of data files, images and logged series, over one revision or several."""
