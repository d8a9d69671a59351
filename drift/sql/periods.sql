-- In how many periods of the reference users rated, each user counted in each.
select count(*) as n
from (
    select distinct
        ratings.userId,
        {period} as period
    from {ratings}
    where {side} = 0 and {usable}
) as found
