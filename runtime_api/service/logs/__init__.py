"""The part of the CloudWatch Logs API that shows what functions have written: values and rules, no I/O."""
