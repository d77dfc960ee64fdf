"""The same request through plain Flask and through a WebServer: whatever differs is a bug or stands in a table."""
