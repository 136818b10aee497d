"""What becomes of an asynchronous invocation's outcome: destinations and dead-letter queues."""
