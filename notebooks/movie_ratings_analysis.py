# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Movie ratings, judged: a guided tour
#
# Before anybody trains on a delivery of ratings, three questions want an answer: **are the rows right, are the users
# honest, has the world moved?** This tour asks them one after the other, and ends with what to do.
#
# Every number and every chart comes from the project's own functions, the same that `python -m scripts.run_checkpoint`
# calls; nothing is computed by the notebook alone. So it holds for your data as well:
#
# - `MOVIELENS_DATA=path/to/folder` in the environment chooses a delivery; without it, `data/ml-latest-small` is taken
#   if it is there, else a simulated sample is made;
# - `MOVIELENS_OUTPUT` says where results go (`outputs/tour`).
#
# Or write the two folders into the next cell.

# %%
import os
import sys
from pathlib import Path

project = next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "gx").is_dir())
os.chdir(project)
sys.path.insert(0, str(project))

data = os.environ.get("MOVIELENS_DATA")
output = os.environ.get("MOVIELENS_OUTPUT", "outputs/tour")

# %% [markdown]
# ## 1. Load and judge
#
# One call does what the command does: it loads the files into typed tables, scores the users, compares old ratings with
# new ones, has Great Expectations judge all seven tables, and publishes the results. The rest of the tour looks at what
# it found.

# %%
import pandas as pd

from scripts import run_checkpoint
from scripts.job.progress import silence

pd.set_option("display.float_format", "{:,.12g}".format)

settings = run_checkpoint.parser().parse_args(["--output", output, *(["--data", data] if data else [])])
quiet = silence()
folder, simulated = run_checkpoint.delivery(settings.data, settings.output, quiet)
run, verdict = run_checkpoint.judge_delivery(settings, folder, simulated, quiet)

what = "a simulated sample, not real data" if simulated else folder
print(f"Judged {what}: {str(verdict.decision).upper()}. {verdict.why()}")

# %% [markdown]
# What was delivered. A row that can't be read as its columns' types is *rejected*, which loses nothing: it is kept in a
# table of its own, with its line and the reason.

# %%
pd.DataFrame(run.sources.values())[["table", "loaded_rows", "rejected_rows", "columns"]]

# %% [markdown]
# Every column in figures. Ids have no meaningful mean; look at `nulls`, `distinct`, and the ends of each range.

# %%
from checks.reports.columns import statistics
from checks.warehouse import Warehouse, connect

warehouse = Warehouse(connect(settings.output / "warehouse.duckdb", read_only=True), folder, dict(run.sources))
shown = ["table", "column", "rows", "nulls", "distinct", "min", "median", "mean", "max"]
statistics(warehouse)[shown].round(2).fillna("")

# %% [markdown]
# ## 2. Are the rows right?
#
# The rules are plain JSON in `gx/expectations/`, a file a table. Each has a severity: `critical` stops a training job,
# `warning` is for a person to read, `info` is for the record. What could not be judged counts as *undetermined*, never
# as passed. The last two tables are those of sections 4 and 5: there, too, a rule decides, not the analysis.

# %%
from checks.reports.summary import summary

pd.DataFrame(summary(verdict, run)["suites"]).T

# %% [markdown]
# Of the rows, this did not hold, worst first, with the place of the first row that broke it. A `warning` in published
# data is nothing unusual: real catalogues have films without a year, and films that stand in them twice.

# %%
from checks.docs import data_charts, excerpt, findings, user_charts
from checks.docs.drift_charts import drift_charts
from checks.gate.verdict import questions

rows_right, users_honest, world_moved = questions(verdict)
excerpt.findings(rows_right.verdict)

# %% [markdown]
# Are values missing? In these files an empty cell is nearly always damage; only links to other catalogues may be
# lacking.

# %%
excerpt.charts(data_charts.missing_values(warehouse))

# %% [markdown]
# ## 3. How the ratings are distributed
#
# Three shapes that sound ratings have, and that damage bends:
#
# - **Levels.** People prefer whole stars, and 4 most of all. One level that towers above all others was filled in by
#   default; half stars that are gone were rounded away.
# - **Time.** Peaks are campaigns and news; a hole is a lost file.
# - **The long tail.** A few films and a few users have most of the ratings. That is how taste works, and why a mean
#   over ratings speaks for the busiest users. The drift tests below count users, not ratings, for that reason.

# %%
excerpt.charts(
    data_charts.rating_levels(warehouse),
    data_charts.ratings_over_time(warehouse),
    data_charts.long_tail_of_films(warehouse),
    data_charts.long_tail_of_users(warehouse),
)

# %% [markdown]
# ## 4. Are the users honest?
#
# Every user has a score (higher is more anomalous), evidence in words, and a status:
#
# - `ok`: nothing stands out;
# - `review`: among the most suspicious, worth a look. **No error rate is promised**: on clean data all are honest;
# - `flagged`: breaks a plain rule that anyone can check (one level only, machine cadence, a copied profile), or stands
#   out from users known to be honest, at a stated rate of false alarms;
# - `undetermined`: too few ratings to tell.

# %%
users = findings.users(warehouse)
pd.Series(users["counts"], name="users").to_frame()

# %%
excerpt.charts(user_charts.normal_and_flagged_users(warehouse))

# %% [markdown]
# The worst, with the evidence: what is odd about each, and its figures beside those of nine in ten others. Judge for
# yourself; a keen student of film looks odd too.

# %%
excerpt.users(users["cards"][:2])

# %% [markdown]
# **Why not just an Isolation Forest?** The common recipe (three features, contamination of 5 %) is there for
# comparison. It flags one user in twenty, whether or not any is bad, because that share is what it was told:

# %%
from anomaly import find_anomalies

recipe = find_anomalies(warehouse, detector="isolation-forest")
pd.DataFrame(
    {
        "this project": warehouse.sql("select status from user_anomalies")["status"].value_counts(),
        "the common recipe": recipe["status"].value_counts(),
    }
).fillna(0).astype(int)

# %% [markdown]
# **Does it find bad users where there are some?** A small simulated community, with bots, copies and attackers of 22
# kinds planted, whose names are known. Four in five of the honest users are given as trusted, and a tenth of the flags
# may be false. Of the users that nobody vouched for, so many are flagged:

# %%
import tempfile

from checks.loader import load
from scripts.simulate_data import simulate

with tempfile.TemporaryDirectory() as place:
    community = Path(place) / "community"
    simulate(community, users=600, attacks=["all:44"])
    planted = pd.read_csv(community / "labels" / "users.csv").set_index("userId")["family"]
    attacked = load(community)

honest = sorted(set(attacked.sql("select distinct userId from ratings")["userId"]) - set(planted.index))
trusted = honest[: len(honest) * 4 // 5]
judged = find_anomalies(attacked, trusted_users=trusted, false_discovery_rate=0.10).set_index("userId")
recipe = find_anomalies(attacked, detector="isolation-forest").set_index("userId")

tested = judged.index[~judged["trusted"]]
family = planted.reindex(tested, fill_value="honest").rename("family")
flagged = {"this project": judged["is_anomaly"], "the common recipe": recipe["is_anomaly"]}
pd.DataFrame(
    {"users": family.value_counts()} | {name: flag[tested].groupby(family).sum() for name, flag in flagged.items()}
).sort_values("users", ascending=False)

# %% [markdown]
# Most bad users sit in the middle of the crowd: neither their number of ratings nor their mean gives them away, and the
# common recipe looks at little else. What does is which films they rate together, when, and how.

# %%
attacked.write("user_anomalies", judged.reset_index())
excerpt.charts(user_charts.normal_and_flagged_users(attacked))

# %% [markdown]
# ## 5. Has the world moved?
#
# The oldest 80 % of the ratings, on which a model may have been trained, against the rest. A feature has *drifted*
# where the change is more than chance gives **and** larger than the smallest that matters, which each feature declares
# with its reason in `drift/features.toml`. Chance is asked by relabelling whole users a thousand times: the ratings of
# one user hang together, and tests that forget it cry wolf.
#
# Left: how large each change is, as a multiple of the smallest that matters. Right: how likely chance alone is.

# %%
moved = findings.drift(warehouse)
drawn = drift_charts(moved)
excerpt.charts(*[chart for chart in drawn if chart.group == "drift"])

# %% [markdown]
# The windows of what moved most:

# %%
excerpt.charts(*[chart for chart in drawn if chart.group == "windows"][:6])

# %% [markdown]
# Where the report knows a plain cause, it says so, lest somebody look for one:

# %%
from IPython.display import Markdown

from checks.reports.markdown import prose

causes = [f"- **{prose(row['title'])}**: {prose(row['cause'])}" for row in moved if row["cause"]]
Markdown("\n".join(causes) or "None here.")

# %% [markdown]
# **When did it begin?** The years of the newer window one by one, each against the whole of the older one. Numbers are
# multiples of the smallest effect that matters, empty where the feature did not drift.

# %%
from drift import find_trends

trends = find_trends(warehouse, every="year")
strength = (trends["effect_size"].abs() / trends["minimum_effect"]).where(trends["status"] == "drifted")
by_year = trends.assign(strength=strength, year=trends["window_start"].str[:4])
by_year.pivot(index="title", columns="year", values="strength").dropna(how="all").round(1).fillna("")

# %% [markdown]
# **Does it matter?** Drift is no fault by itself. The last row asks a small model: how much worse does it predict the
# newer ratings, beyond what users and films that it never saw cost it anyway?

# %%
Markdown("\n\n".join(prose(row["message"]) for row in moved if row["recommendation"]))

# %% [markdown]
# ## 6. What to do
#
# All that did not hold, worst first, each with its remedy: the same list stands in the report and in a pull request.
# Nothing critical in it means that a training job may go ahead.

# %%
print(f"{str(verdict.decision).upper()}. {verdict.why()}")
excerpt.findings(verdict)

# %% [markdown]
# ## 7. What the run left
#
# Open `data_docs/index.html` for all of this as a report that needs no network. `receipt.json` is written for a pass
# alone; `python -m scripts.train --run` asks for it.

# %%
from checks.docs.words import size

files = sorted(path for path in settings.output.iterdir() if path.is_file() and path.suffix)
pd.DataFrame({"file": [path.name for path in files], "size": [size(path.stat().st_size) for path in files]})

# %%
exports = ["summary_statistics", "user_statistics_with_anomalies", "anomalous_users", "drift_analysis"]
tables = {name: pd.read_csv(settings.output / f"{name}.csv") for name in exports}
pd.DataFrame({name: {"rows": len(table), "columns": len(table.columns)} for name, table in tables.items()}).T

# %% [markdown]
# From here: break a delivery and see the gate bite (`python -m scripts.demo_failure`), add a rule of your own, gate a
# pull request, watch a folder. The README has a short section on each.

# %%
warehouse.close()
attacked.close()
