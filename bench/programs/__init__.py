"""What runs in processes of its own beside the server that is measured."""
