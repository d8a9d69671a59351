-- How many ratings each user gave in the windows.
select
    ratings.userId as user_id,
    count(*) as n
from {ratings}
where {side} is not null and {usable}
group by ratings.userId
