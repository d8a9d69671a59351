-- What the model learns of each user: how far they lie above the films' levels.
select
    drift_folds.user_id as id,
    sum(case when is_drawn then 0 else rating - drift_film_levels.level end) as total,
    sum(case when is_drawn then 0 else 1 end) as n
from drift_folds
inner join drift_film_levels on drift_film_levels.id = drift_folds.film_id
where side = 0 and is_compared
group by drift_folds.user_id
