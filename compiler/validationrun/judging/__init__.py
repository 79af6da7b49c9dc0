"""
Where the answers come from: live, from history, from a rule test's own series, or from recorded evidence.

Each feeds the same oracle; none of them decides anything itself.
"""
