"""What others gave us to call. Whatever it raises, the thread that called it lives on and says so in the log."""

FAULTS = (Exception, SystemExit)
"""`sys.exit` ends nothing but the thread in which it is called, and that without a word: a watch or a worker would be
gone, and nobody would know."""
