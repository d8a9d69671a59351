-- What the model learns of each user: how far they lie above the films' levels.
select
    drift_folds.user_id as id,
    sum(case when fold = 0 then rating - drift_film_levels.level else 0 end) as total,
    sum(case when fold = 0 then 1 else 0 end) as n
from drift_folds
inner join drift_film_levels on drift_film_levels.id = drift_folds.film_id
where side = 0 and is_compared
group by drift_folds.user_id
