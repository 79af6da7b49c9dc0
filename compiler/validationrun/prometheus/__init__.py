"""
The only client of Prometheus.

prometheus-api-client carries the queries. Its session sends them by `base.http` over one kept connection, each by a deadline, and
keeps the whole reply; `oracle.prometheus_response` reads the reply. Nothing is asked twice: retries belong to the rules.
"""

from validationrun.prometheus.access import Access
from validationrun.prometheus.client import Prometheus

__all__ = ["Access", "Prometheus"]
