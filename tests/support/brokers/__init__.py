"""Real brokers for the tests of event source mappings: started once a session, ended with it."""
