-- In how many periods of one side users rated, each user counted in each.
select count(*) as n
from (
    select distinct
        ratings.userId,
        {period} as period
    from {ratings}
    where {side} = {mine} and {usable}
) as found
