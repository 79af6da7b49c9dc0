"""
The sources of answers: a live run, history, the series of a rule test, or recorded evidence.

Each source feeds the same oracle, which alone decides.
"""
