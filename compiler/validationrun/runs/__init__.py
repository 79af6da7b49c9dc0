"""Runs that are on a cluster: finding, following, ending them and starting them again. No text for people, no exit codes."""
