"""The report of a session: pictures first, figures second, one folder that opens without a server."""
