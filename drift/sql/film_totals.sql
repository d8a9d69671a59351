-- What the model learns of each film from each tenth of the users, and whether the reference holds it at all.
select
    film_id as id,
    user_fold,
    sum(case when is_drawn then 0 else rating end) as total,
    sum(case when is_drawn then 0 else 1 end) as n
from drift_folds
where side = 0
group by film_id, user_fold
