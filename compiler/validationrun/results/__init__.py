"""
The results folder: what a run leaves behind, written so that it can be trusted, read so that it can be judged again.

`docs/results.md` describes every file. No rendering here: reports are made in `report/`.
"""
