"""The steps of server cases: a module for each party, a function for each step."""
