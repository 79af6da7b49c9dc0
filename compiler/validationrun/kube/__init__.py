"""
The client of the Kubernetes API server, and the credentials for it.

Nothing here knows what a run is.
"""
