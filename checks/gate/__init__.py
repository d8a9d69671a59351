"""From a checkpoint's result to one verdict: pass, fail or undetermined. Silence is never taken for success.

The only place that decides: console, reports, Data Docs and alerts all read the `Verdict` made here.
"""
