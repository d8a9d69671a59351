"""One command a file; each has `main(argv=None) -> int`."""
