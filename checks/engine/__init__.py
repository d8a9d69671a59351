"""Great Expectations on the engines of this project: context, suites, the DuckDB backend."""
