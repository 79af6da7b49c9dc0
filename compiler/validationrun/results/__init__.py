"""
Writes, seals and reads the results folder. A sealed folder can be checked and judged again.

`docs/results.md` describes every file; `report/` makes the reports.
"""
