-- Squared errors of the model, by user and by kind: both known (0), new user (1), new film (2), both new (3).
-- Known users are judged by ratings that did not train it; new users, and all of the reference as if they were, by the
-- model without their tenth.
select
    user_id,
    side,
    kind,
    count(*) as n,
    sum(case when judged then 1 else 0 end) as judged,
    sum(case when judged then error * error else 0 end) as squared_error
from (
    select
        user_id,
        side,
        case when films.id is null then 2 else 0 end as kind,
        is_drawn or (side = 1 and ({judged} or films.id is null)) as judged,
        rating - greatest({lowest}, least({highest}, coalesce(films.level, {mean}) + users.level)) as error
    from drift_folds
    inner join drift_user_levels as users on users.id = drift_folds.user_id
    left join drift_film_levels as films on films.id = drift_folds.film_id
    where is_compared and (side = 1 or is_drawn)
    union all
    select
        user_id,
        side,
        case when films.id is null then 3 else 1 end as kind,
        true as judged,
        rating - greatest({lowest}, least({highest}, coalesce({without}, {mean}))) as error
    from drift_folds
    left join drift_user_levels as users on users.id = drift_folds.user_id
    left join drift_film_levels as films on films.id = drift_folds.film_id
    where is_compared and (side = 0 or users.id is null)
) as predicted
group by user_id, side, kind
