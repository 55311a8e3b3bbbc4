"""Tests of runtime_api/engine/sources."""
