"""The side that judges bootstraps: we are the Runtime API, scripted and, where a case says so, faulty."""
