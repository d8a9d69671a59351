"""Fault injection: plant known faults in a delivery, judge it, and see which expectation catches each."""
