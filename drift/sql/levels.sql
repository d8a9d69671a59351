-- How often each level of the scale was given on each day, in each window.
select
    side,
    "timestamp" // 86400 as day,
    rating as level,
    count(*) as n
from drift_placed
where rating between 0.5 and 5.0 and floor(rating * 2) = rating * 2
group by side, "timestamp" // 86400, rating
