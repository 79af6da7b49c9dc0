"""
Time, text, hashes, resources and shared names, which every room may use.

Nothing here knows a ValidationRun, Kubernetes' API or Prometheus.
"""
