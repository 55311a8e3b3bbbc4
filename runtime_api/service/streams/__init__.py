"""How records of Kinesis and DynamoDB streams come to functions: pure rules, one concept a module."""
