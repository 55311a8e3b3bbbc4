"""Tests of the kit for servers: real servers, mutants, and which cases fail for which mutant."""
