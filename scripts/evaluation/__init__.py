"""What `evaluate_anomaly` plants, and what is found of it."""
