"""The checkpoint's action that writes the receipt of a passed run. Importing this module imports GX."""

from __future__ import annotations

from typing import Any, Literal

from great_expectations.checkpoint.actions import ValidationAction

from checks import receipt
from checks.run import current


class WriteReceipt(ValidationAction):
    """Writes `receipt.json` where the verdict is a pass; it stands behind the actions whose files it hashes."""

    type: Literal["write_receipt"] = "write_receipt"

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, Any]:  # noqa: ARG002  GX's signature
        run = current()
        with run.phases.phase(self.name):
            return {"receipt_digest": receipt.write(run, run.judge(checkpoint_result))}
