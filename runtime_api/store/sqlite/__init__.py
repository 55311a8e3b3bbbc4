"""What outlives the server: one SQLite database and the packages beside it, in one directory."""
