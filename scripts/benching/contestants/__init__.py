"""One program for each contestant: it judges a folder of ratings and prints what it found as JSON.

Each imports nothing that it does not use, as its imports are part of its time.
"""
