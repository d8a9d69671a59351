-- When each user was seen in each window.
select
    user_id,
    side,
    min("timestamp") as first_seen,
    max("timestamp") as last_seen
from drift_placed
group by user_id, side
