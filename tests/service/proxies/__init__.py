"""Tests of runtime_api/service/proxies."""
