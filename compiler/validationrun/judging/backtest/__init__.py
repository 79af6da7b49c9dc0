"""
Judging the past: the engine of a live run over what Prometheus holds already.

`docs/backtest.md` says what is asked in which form, and why the answers are those of instant queries. No second meaning of a
rule here: ticks, decisions, folding and the verdict table are the oracle's.
"""
