-- One row for each usable rating, with the seconds since the same user's last one in the same window.
create or replace temporary view drift_gaps as
select
    user_id,
    side,
    "timestamp" - lag("timestamp") over (partition by user_id, side order by "timestamp") as gap
from drift_placed
