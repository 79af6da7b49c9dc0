"""
Time, text, hashes, resources and the names of things: what every room may use.

Nothing here knows a ValidationRun, Kubernetes' API or Prometheus.
"""
