-- Users who rate in a window, and whether they also tag in it.
create or replace temporary view drift_tagging as
select user_id, side, 0 as is_tag
from drift_placed
union all
select ratings.userId as user_id, {side} as side, 1 as is_tag
from tags as ratings
where {side} is not null and {usable}
