"""What outgrows one machine: the same tables, suites and results on Apache Spark."""
