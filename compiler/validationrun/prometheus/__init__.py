"""
The only client of Prometheus.

It sends queries through prometheus-api-client, whose session uses one kept connection of `base.http` with a deadline per request
and keeps the whole reply; `oracle.prometheus_response` reads the reply. No query is retried here: retries belong to the rules.
"""

from validationrun.prometheus.access import Access, CredentialsError
from validationrun.prometheus.client import Prometheus

__all__ = ["Access", "CredentialsError", "Prometheus"]
