"""
Rule unit tests: series as a test file writes them, the rules of a spec, and the verdict that must come out.

A private Prometheus of this machine answers the rules' own queries; time is simulated, everything else is what runs live.
No judging of its own: ticks, decisions, folding and the verdict table are the oracle's.
"""
