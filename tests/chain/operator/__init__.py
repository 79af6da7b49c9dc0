"""A stand-in for the controller of SeiNodeDeployments: enough of its behaviour to run a chain in tests."""
