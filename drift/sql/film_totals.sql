-- What the model learns of each film, and whether the reference holds it at all.
select
    film_id as id,
    sum(case when fold = 0 then rating else 0 end) as total,
    sum(case when fold = 0 then 1 else 0 end) as n
from drift_folds
where side = 0
group by film_id
