"""Benchmarks: each compares in one run, and writes what it measured; see README.md."""
