-- Usable and rejected rows of ratings. What could not be parsed has no user: it goes to the user of the line
-- before, or else of the line after, for files hold a user's ratings together.
create or replace temporary view drift_rejects as
select user_id, side, 0.0 as is_rejected
from drift_placed
union all
select ratings.userId as user_id, {side} as side, 1.0 as is_rejected
from rejected_rows
left join ratings as above on above.source_line = rejected_rows.source_line - 1
inner join ratings
    on ratings.source_line
    = case when above.userId is null then rejected_rows.source_line + 1 else rejected_rows.source_line - 1 end
where rejected_rows.table_name = 'ratings' and {side} is not null and {usable}
