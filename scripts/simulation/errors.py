"""What keeps a delivery from being simulated."""

from __future__ import annotations

from checks.errors import UserError


class SimulationError(UserError):
    """What was asked for can't be simulated, or planted into these data."""
