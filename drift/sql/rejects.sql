-- How many rows of ratings were rejected, by user and window. What could not be parsed has no user: it goes to the
-- user of the line before, or else of the line after, for files hold a user's ratings together.
with rejected as (
    select source_line
    from rejected_rows
    where table_name = 'ratings'
),
beside as (
    select
        source_line,
        userId,
        "timestamp"
    from {ratings}
    where source_line in (
        select source_line - 1 as source_line from rejected union all select source_line + 1 as source_line from rejected
    )
)
select
    user_id,
    side,
    count(*) as n
from (
    select
        ratings.userId as user_id,
        {side} as side
    from rejected
    left join beside as above on above.source_line = rejected.source_line - 1
    inner join beside as ratings
        on ratings.source_line
        = case when above.userId is null then rejected.source_line + 1 else rejected.source_line - 1 end
    where {side} is not null and {usable}
) as placed
group by user_id, side
