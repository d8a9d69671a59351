-- Usable ratings with a value and a film, and what each is for: 0 trains the model; 1 is a held-out rating of a
-- user that it knows; 2 is by a held-out user; 3 is of the current window. Folds hang on ids alone, so that every
-- run draws the same. All users train the films' levels; those compared are judged.
create or replace temporary view drift_folds as
select
    user_id,
    film_id,
    rating,
    side,
    is_compared,
    case
        when side = 1 then 3
        when user_fold = 0 then 2
        when (user_fold * 7 + user_id % 13 + film_id % 17) % 10 = 0 then 1
        else 0
    end as fold,
    user_fold = 0 as is_held_out_user
from (
    select
        *,
        (abs(user_id % 1000003) * 48271 % 2147483647) % 10 as user_fold
    from (
        select
            ratings.userId as user_id,
            ratings.movieId as film_id,
            {rating} as rating,
            {side} as side,
            {compared} as is_compared
        from ratings
        where ratings.rating is not null and ratings.movieId is not null and {side} is not null and {usable}
    ) as placed
) as drawn
