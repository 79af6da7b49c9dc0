"""
The only client of Prometheus.

prometheus-api-client carries the queries over a session of ours, which sends them over one kept connection, each by a deadline,
and keeps the whole reply; `oracle.wire` reads it. Nothing is asked twice: how often a rule is asked again is the rule's own
business.
"""

from validationrun.prometheus.access import Access
from validationrun.prometheus.client import Prometheus

__all__ = ["Access", "Prometheus"]
