"""
Rule unit tests: the series of a test file, the rules of a spec, and the expected verdict.

A private Prometheus on this machine answers the rules' own queries. Time is simulated; ticks, decisions, folding and the
verdict table are the oracle's, as in a live run.
"""
