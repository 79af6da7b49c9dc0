"""
What a rule means.

Pure functions: no clock, no network. Here so far: which text a rule's query is, and where run-time values go in it.
"""
