-- Usable ratings with a value and a film. Those of the reference train the model but for a tenth of each user's, which is
-- drawn to tell what the model errs by on users whom it knows. For each tenth of the users there is a model without them:
-- to that they are new. Both draws hang on ids alone, so that every run makes the same ones, and a rating that stands in
-- both windows is drawn in both. All users train the films' levels; those compared are judged.
create or replace temporary view drift_folds as
select
    *,
    (user_fold * 7 + user_id % 13 + film_id % 17) % 10 = 0 as is_drawn
from (
    select
        ratings.userId as user_id,
        ratings.movieId as film_id,
        {rating} as rating,
        {side} as side,
        {compared} as is_compared,
        (abs(ratings.userId % 1000003) * 48271 % 2147483647) % 10 as user_fold
    from {ratings}
    where ratings.rating is not null and ratings.movieId is not null and {side} is not null and {usable}
) as placed
