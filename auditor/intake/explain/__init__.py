"""What policies make of objects in files, step by step, for people who want to know why."""
