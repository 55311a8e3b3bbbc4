"""What a function sees of this machine's files, decided from what it is going to run."""
