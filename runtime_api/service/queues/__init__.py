"""Queues of SQS as mappings read them: messages, batches, what became of them, and how many run at once."""
