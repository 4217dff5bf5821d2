"""Whole experiments on data whose labels are made wrong on purpose, with their stored results.

`sweeps` trains kinds of noise x rates x seeds x methods. `paper` repeats the experiment of Jeong &
Chung (2024), `recipe` compares `methods` against wrong labels, and `few_wrong` measures files in
which few labels are wrong. Nothing in the library imports this.
"""
