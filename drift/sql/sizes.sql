-- How many ratings each user gave, whatever the window.
select
    ratings.userId as user_id,
    count(*) as n
from ratings
where {usable}
group by ratings.userId
