"""Other people's test suites, run on plain Flask and on WebServer: ``python -m tests.conformance``."""
