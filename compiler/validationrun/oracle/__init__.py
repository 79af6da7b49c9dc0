"""
What a rule means.

Pure functions: no clock, no network. What is asked for a rule, what an answer means, how decisions are folded, and the
verdict table. Asking lives in `evaluation/`, keeping what came back in `results/`.
"""
