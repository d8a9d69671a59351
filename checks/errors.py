"""What may go wrong that a user can mend. Importing this module imports nothing."""

from __future__ import annotations


class UserError(Exception):
    """Something is not as it must be; the message is one sentence for the user: what, where, and what to do."""
