-- What each film's ratings say of it.
select
    movieId,
    count(rating) as n,
    sum({rating}) as total,
    min("timestamp") as first_rated
from {ratings}
where movieId is not null and {side} is not null and {usable}
group by movieId
