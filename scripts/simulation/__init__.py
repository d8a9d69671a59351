"""Synthetic MovieLens deliveries: a catalogue, people who rate and tag it, and the four files."""
