"""Experiments that take longer than a page of the book may, with their stored results.

`paper` repeats the experiment of Jeong & Chung (2024), `recipe` compares `methods` against wrong
labels, and `few_wrong` measures files in which few labels are wrong. Nothing in the library
imports this.
"""
