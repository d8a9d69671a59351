-- One row for each usable rating, with its window.
create or replace temporary view drift_placed as
select
    ratings.userId as user_id,
    ratings.movieId as film_id,
    {rating} as rating,
    ratings."timestamp",
    {side} as side
from {ratings}
where {side} is not null and {usable}
