"""Tests of runtime_api/service/queues."""
