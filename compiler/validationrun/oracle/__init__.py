"""
What a rule means.

Pure functions, without a clock or a network: what is asked for a rule, what an answer means, how decisions are folded, and the
verdict table. `judging/` asks, and `results/` keeps what came back.
"""
