"""Processes as both sandboxes have them: started, read from, measured, signalled and reaped."""
