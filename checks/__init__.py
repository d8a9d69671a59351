"""The checkpoint: load a delivery, judge it with Great Expectations, gate on the verdict."""
