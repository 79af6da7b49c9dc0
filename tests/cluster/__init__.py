"""A cluster of real parts on one Linux machine; see README.md."""
