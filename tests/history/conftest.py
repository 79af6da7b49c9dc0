"""The fixtures of prometheus_kit, for the tests of this folder."""

from prometheus_kit import proxied, shared_exporter, shared_prometheus

__all__ = ["proxied", "shared_exporter", "shared_prometheus"]
