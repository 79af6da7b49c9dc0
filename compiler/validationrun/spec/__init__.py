"""
The wire spec, field for field, as pydantic models; one folder per version.

No I/O, no Argo words. What one field alone can say is checked here; what two fields say together is `check`.
"""
