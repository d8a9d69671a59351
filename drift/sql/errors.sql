-- Squared errors of the model, by user and by kind: both known (0), new user (1), new film (2), both new (3).
-- Ratings of the current window by held-out users are counted but not judged: these users are not new, and yet
-- the model does not know them.
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
        case when users.id is null or (is_held_out_user and side = 0) then 1 else 0 end
        + case when films.id is null then 2 else 0 end as kind,
        not (side = 1 and is_held_out_user and users.id is not null) as judged,
        rating - greatest({lowest}, least({highest},
            coalesce(films.level, {mean}) + coalesce(users.level, 0))) as error
    from drift_folds
    left join drift_film_levels as films on films.id = drift_folds.film_id
    left join drift_user_levels as users on users.id = drift_folds.user_id
    where fold > 0 and is_compared
) as predicted
group by user_id, side, kind
