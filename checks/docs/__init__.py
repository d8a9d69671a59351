"""The Data Docs: pages that need no network, built by GX's site builder with the classes of this package.

A run leaves one record (`record.py`), from which every page about it can be made again without its data:
`data_docs/runs/<run>/` holds `record.json`, `figures.json` and the page made from them.
"""
