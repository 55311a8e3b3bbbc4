"""Benchmarks: one run measures bootjack and its peers with the same bootstrap under the same load."""
