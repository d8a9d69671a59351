"""A rating model on validated data: what it is, how it is judged, and what is kept of it."""
