-- Usable ratings of a film that are drawn.
select
    ratings.userId,
    ratings.movieId,
    ratings."timestamp",
    {level} as level
from ratings
where {usable} and ratings.movieId is not null and {drawn}
