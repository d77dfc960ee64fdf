"""Real applications that nobody here wrote, on Flask and on WebServer: ``python -m tests.applications``."""
