"""The plain process, and what becomes of it when the server is killed."""
