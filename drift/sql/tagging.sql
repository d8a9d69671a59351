-- How many tags each user gave in each window.
select
    user_id,
    side,
    count(*) as n
from (
    select
        ratings.userId as user_id,
        {side} as side
    from {tags} as ratings
    where {side} is not null and {usable}
) as placed
group by user_id, side
