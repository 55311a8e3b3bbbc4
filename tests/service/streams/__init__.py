"""Tests of runtime_api/service/streams."""
