"""Has the world moved: compare windows of ratings, with alarms true at the stated rate."""

from drift.findings import find_drift
from drift.trends import find_trends

__all__ = ["find_drift", "find_trends"]
