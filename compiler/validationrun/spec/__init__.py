"""
The wire spec, field for field, as pydantic models; one folder per version.

No I/O, no Argo terms. Checks of a single field are here; checks of several fields are in `compiling.check`.
"""
