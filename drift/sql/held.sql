-- Sums over each user's usable ratings that tell whether two deliveries hold the same ones: small whole numbers, so that
-- they are exact on every engine.
select
    ratings.userId as user_id,
    count(*) as n,
    max(ratings."timestamp") as last,
    sum(coalesce(ratings.movieId % 65521, -1)) as films,
    sum(ratings."timestamp" % 65521 * (coalesce(abs(ratings.movieId % 251), 0) + 1)) as moments,
    sum(coalesce({level}, -1) * (coalesce(abs(ratings.movieId % 251), 0) + 1)) as levels
from ratings
{joined}
where {usable}
group by ratings.userId
