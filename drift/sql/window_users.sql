-- How many users each window has.
select
    side,
    count(distinct user_id) as users
from (
    select
        ratings.userId as user_id,
        {side} as side
    from {ratings}
    where {side} is not null and {usable}
) as placed
group by side
