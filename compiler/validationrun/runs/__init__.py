"""Finds, follows, ends and restarts runs on a cluster. No text for people, no exit codes."""
