-- How many usable ratings were given on each day, and the times of its first and last.
select
    "timestamp" // 86400 as day,
    count(*) as n,
    min("timestamp") as low,
    max("timestamp") as high
from {ratings}
where {usable}
group by "timestamp" // 86400
