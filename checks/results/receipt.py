"""A receipt for a passed run: which data passed, by which rules, with which packages, and when.

A training job asks for it before it reads a row. It is told from a forged or damaged one by its own digest
(SHA-256 of its canonical JSON, as in RFC 8785: sorted keys, no blanks), which finds accidents; and, where a key
stands in the environment, by an HMAC-SHA-256 signature (RFC 2104), which also finds those who can compute a digest.
Nothing here imports Great Expectations: an answer takes a fraction of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import files
from checks.errors import UserError
from checks.gate.terms import Decision, Status
from checks.results import outputs
from checks.tables import DELIVERED

if TYPE_CHECKING:
    from checks.gate.verdict import Verdict
    from checks.run import Run

FILE_NAME = outputs.RECEIPT
VALIDATED = outputs.VALIDATED
KEY_VARIABLE = "MOVIELENS_RECEIPT_KEY"
SCHEMA_VERSION = 2  # 1 knew nothing of ratings that age
LARGEST_RECEIPT_BYTES = 64 << 20  # one has some five kilobytes, and 200 more for each file that Spark read
# What reads, judges or writes the data: another version of these may judge otherwise.
PACKAGES = (
    "great_expectations",
    "duckdb",
    "duckdb-engine",
    "sqlalchemy",
    "pandas",
    "numpy",
    "pyarrow",
    "scipy",
    "scikit-learn",
)
ENGINE_PACKAGES = {"spark": ("pyspark", "sqlglot")}  # besides
RULES = (
    "great_expectations.yml",
    "checkpoints/*.json",
    "expectations/*.json",
    "validation_definitions/*.json",
    "waivers.yml",
)


# What the files of a delivery are called where every table is one file.
PLAIN_NAMES = frozenset(f"{table.name}{suffix}" for table in DELIVERED for suffix in files.SUFFIXES)


WAIVED, AGED = "a waiver that it needs", "the age that --max-age allows"  # what limits the time that a receipt holds


class ReceiptError(UserError):
    """The receipt is not valid, or not for these data."""


def key_from_environment() -> bytes | None:
    """The key that signs receipts, or None where none is set. It is never written or shown."""
    return os.environ.get(KEY_VARIABLE, "").encode() or None


def write(run: Run, verdict: Verdict) -> None:
    """Write the receipt of a passed run into its output; nothing where the run did not pass."""
    if verdict.decision is Decision.PASS:
        receipt = sealed(content(run, verdict), key_from_environment())
        outputs.write_text(run.output / FILE_NAME, rendered(receipt))


def content(run: Run, verdict: Verdict) -> dict[str, Any]:
    """What the receipt of a run says, before it is sealed; file names to SHA-256, sizes in bytes."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": str(verdict.decision),
        "engine": run.engine,
        "fail_on": verdict.fail_on,
        "settings": dict(run.settings),
        **_validity(run, verdict),
        "simulated": run.simulated,
        "started": run.started.isoformat(timespec="seconds"),
        "issued": datetime.now(UTC).isoformat(timespec="seconds"),
        "expectations": {str(status): verdict.count(status) for status in Status},
        "data": dict(_delivered(run)),
        "rules": rules(run.root),
        "validated": {path.name: _fingerprint(path) for path in _validated(run.output / VALIDATED)},
        "versions": versions(run.engine),
    }


def versions(engine: str) -> dict[str, str]:
    """Of Python and the packages that read, judge or write the data."""
    packages = PACKAGES + ENGINE_PACKAGES.get(engine, ())
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in packages}


def _validity(run: Run, verdict: Verdict) -> dict[str, str | None]:
    """The last moment (UTC) at which the same data would still pass, and what ends then; None where nothing does."""
    days = [one.waiver.expires for one in verdict.outcomes if one.status is Status.WAIVED and one.waiver]
    ends = [(_last_second(day), WAIVED) for day in days]
    if run.fresh_until is not None:
        ends.append((run.fresh_until, AGED))
    if not ends:
        return {"valid_until": None, "limited_by": None}
    until, what = min(ends)
    return {"valid_until": until.isoformat(timespec="seconds"), "limited_by": what}


def _last_second(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _delivered(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """The hashes taken while loading: those of the very bytes that were judged."""
    for source in run.sources.values():
        for name, digest, size in source.hashes:
            yield name, {"sha256": digest, "bytes": size, "table": source.table}
        if source.path is not None and not source.hashes:
            counts = {"rows": source.loaded_rows, "rejected_rows": source.rejected_rows}
            yield source.path.name, {"sha256": source.sha256, "bytes": source.size} | counts


def rules(root: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file below `root` that says how to judge, by its name there."""
    return {path.relative_to(root).as_posix(): _fingerprint(path) for path in _rules(root)}


def _rules(root: Path) -> list[Path]:
    return sorted(path for pattern in RULES for path in root.glob(pattern))


def _validated(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"sha256": sha256(path), "bytes": path.stat().st_size}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as sha256sum prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(unsealed: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    """A receipt, or another JSON document, with its signature, where there is a key, and the digest over all of it."""
    signed = dict(unsealed) | ({"signature": _signature(unsealed, key)} if key else {})
    return signed | {"digest": _digest(signed)}


def is_sealed(document: Mapping[str, Any], key: bytes | None) -> bool:
    """Whether it stands as it was sealed, and, where there is a key, by this one."""
    return _is_whole(document) and (key is None or _is_signed(document, key))


def _is_whole(document: Mapping[str, Any]) -> bool:
    return _same(document.get("digest"), _digest(document))


def _is_signed(document: Mapping[str, Any], key: bytes) -> bool:
    return _same(document.get("signature"), _signature(document, key))


def rendered(receipt: Mapping[str, Any]) -> str:
    """A receipt's one and only text: a file that reads otherwise has been changed, be it by a blank."""
    return json.dumps(receipt, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _digest(receipt: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(_without(receipt, "digest"))).hexdigest()


def _signature(receipt: Mapping[str, Any], key: bytes) -> str:
    return hmac.digest(key, _canonical(_without(receipt, "digest", "signature")), "sha256").hex()


def _without(receipt: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in receipt.items() if name not in names}


def read(path: Path, key: bytes | None = None) -> dict[str, Any]:
    """The receipt at `path`, found whole and given for a pass; its signature is checked where there is a `key`.

    Raises ReceiptError where it can't be read, has been changed, a waiver that it needed has expired, its ratings have
    grown too old, or a key is given and the signature is not by it.
    """
    text = _text(path)
    receipt = _parsed(text)
    if receipt is None:
        raise ReceiptError(f"{path}: is no receipt; give the {FILE_NAME} of a passed run.")
    if rendered(receipt) != text or not _is_whole(receipt):
        raise ReceiptError(f"{path}: has been changed since it was written; judge the data again.")
    if key is not None and not _is_signed(receipt, key):
        fault = "is not signed by the key" if "signature" in receipt else "is not signed, but there is a key"
        raise ReceiptError(f"{path}: {fault} in {KEY_VARIABLE}; judge the data again with that key set.")
    if receipt.get("schema_version") != SCHEMA_VERSION or receipt.get("verdict") != str(Decision.PASS):
        raise ReceiptError(f"{path}: was not given for a pass by this version; judge the data again.")
    until = receipt.get("valid_until")
    if until is not None and not _now() <= str(until):
        raise ReceiptError(f"{path}: held until {until}, the end of {receipt.get('limited_by')}; judge the data again.")
    return receipt


def _now() -> str:
    """The time as receipts write it, whose order as text is that of time."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(path: Path) -> str:
    if not path.exists():
        raise ReceiptError(f"{path}: is not there; a run that passes writes one, and one that does not takes it away.")
    if problem := files.problem(path):
        raise ReceiptError(f"{path.parent}: {problem}; a run that passes writes one.")
    with path.open("rb") as file:
        raw = file.read(LARGEST_RECEIPT_BYTES + 1)
    if len(raw) > LARGEST_RECEIPT_BYTES:
        limit = f"{LARGEST_RECEIPT_BYTES >> 20} MiB"
        raise ReceiptError(f"{path}: is larger than {limit}, which no receipt is that can be read; see what wrote it.")
    return raw.decode("utf-8", errors="replace")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        receipt = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return receipt if isinstance(receipt, dict) else None


def _same(stated: Any, computed: str) -> bool:
    return hmac.compare_digest(str(stated).encode("utf-8", "replace"), computed.encode())


def check_data(receipt: Mapping[str, Any], folder: Path, spark_settings: Mapping[str, str] | None = None) -> None:
    """Raise ReceiptError unless the tables' files in `folder` are the very files that the receipt was given for.

    What only Spark reads, tables of many files, a pattern of folders or an address, is read by it again.
    """
    known = _hashes(receipt, "data")
    if receipt.get("engine") == "spark" and not (folder.is_dir() and known.keys() <= PLAIN_NAMES):
        _check_hashes(known, _hashes_by_spark(folder, spark_settings or {}), folder)
        return
    if not folder.is_dir():
        raise ReceiptError(f"{folder}: is no folder; give the one that holds ratings.csv and movies.csv.")
    try:
        found = [files.find(folder, table.name) for table in DELIVERED]
    except files.DeliveryError as error:
        raise ReceiptError(str(error)) from error
    _check(known, [path for path in found if path is not None], folder)


def _hashes_by_spark(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    from checks.spark import files as spark_files
    from checks.spark import session as spark_session

    try:
        spark = spark_session.start(given=dict(settings))
        return spark_files.hashes(spark, folder, [table.name for table in DELIVERED])
    except files.DeliveryError as error:
        raise ReceiptError(str(error)) from error


def check_validated(receipt: Mapping[str, Any], folder: Path) -> None:
    """Raise ReceiptError unless `folder` holds the validated tables that the receipt was given for, and no other."""
    _check(_hashes(receipt, "validated"), _validated(folder), folder)


def check_rules(receipt: Mapping[str, Any], root: Path) -> None:
    """Raise ReceiptError unless suites, checkpoint and waivers below `root` are those that the receipt was given by."""
    names = {path.relative_to(root).as_posix(): path for path in _rules(root)}
    _check_named(_hashes(receipt, "rules"), names, root)


def _hashes(receipt: Mapping[str, Any], part: str) -> dict[str, str]:
    try:
        return {str(name): str(entry["sha256"]) for name, entry in receipt[part].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ReceiptError(f"The receipt does not say which {part} it was given for; judge the data again.") from error


def _check(hashes: Mapping[str, str], found: list[Path], folder: Path) -> None:
    _check_named(hashes, {path.name: path for path in found}, folder)


def _check_named(hashes: Mapping[str, str], found: Mapping[str, Path], folder: Path) -> None:
    """Only what was found is opened, never a path that the receipt names."""
    _check_names(hashes, found, folder)
    for path in found.values():
        if problem := files.problem(path):
            raise ReceiptError(f"{path.parent}: {problem}.")
    _check_hashes(hashes, {name: sha256(path) for name, path in found.items()}, folder)


def _check_names(hashes: Mapping[str, str], found: Mapping[str, Any], folder: Path) -> None:
    for name in sorted(hashes.keys() - found.keys()):
        raise ReceiptError(f"{folder / name}: is not there, but the receipt was given for it.")
    for name in sorted(found.keys() - hashes.keys()):
        raise ReceiptError(f"{folder / name}: is there, but the receipt was not given for it.")


def _check_hashes(hashes: Mapping[str, str], found: Mapping[str, str], folder: Path) -> None:
    _check_names(hashes, found, folder)
    for name in sorted(hashes):
        if not _same(hashes[name], found[name]):
            raise ReceiptError(
                f"{folder / name}: is not the file that the receipt was given for (its SHA-256 differs)."
            )
