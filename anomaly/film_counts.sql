-- What the usable ratings (of profiles.sql) of each film say of it: how many, their sum and their squares', and the times
-- of the first two.
select
    "movieId",
    count(*) as "count",
    sum(cast("rating" as double)) as "total",
    sum(cast("rating" as double) * "rating") as "square",
    min("timestamp") as "first",
    min(case when "place" = 2 then "timestamp" end) as "second"
from (
    select *, row_number() over (partition by "movieId" order by "timestamp") as "place" from ({ratings}) as usable
) as placed
group by "movieId"
