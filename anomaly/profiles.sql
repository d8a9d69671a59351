-- The usable ratings of a stretch of users, in any order.
-- Usable: user, film, level and time are there, the level is on a five-star scale.
select
    "userId",
    "movieId",
    cast("rating" as real) as "rating",
    -- Milliseconds (any time past the year 2100 in seconds) are read as what they mean.
    case when "timestamp" > 4102444800 then cast(floor("timestamp" / 1000) as bigint) else "timestamp" end as "timestamp"
from ratings
where "userId" between {first_user} and {last_user}
  and "movieId" is not null
  and "timestamp" between 0 and 4102444800000
  and "rating" between 0.5 and 5.0
