-- One row for each usable rating, with its film's facts.
create or replace temporary view drift_events as
select
    drift_placed.user_id,
    drift_placed.side,
    drift_placed.rating,
    drift_placed."timestamp",
    {told_from} as told_from,
    {film_facts}
from drift_placed
left join drift_films on drift_films.film_id = drift_placed.film_id
