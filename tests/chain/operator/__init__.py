"""A stand-in for the controller of sei.io, in both of its eras: enough of its behaviour to run a chain in tests."""
