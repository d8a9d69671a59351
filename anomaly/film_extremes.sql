-- When each film was rated at either end of the scale (usable ratings, of profiles.sql), as a running count. Of a film with
-- many such ratings some are left out, never the first or the last.
select "movieId", "top", "timestamp", "place"
from (
    select
        *,
        row_number() over (partition by "movieId", "top" order by "timestamp") as "place",
        count(*) over (partition by "movieId", "top") as "last"
    from (
        select "movieId", "timestamp", case when "rating" >= {top} then 1 else 0 end as "top"
        from ({ratings}) as usable
        where "rating" >= {top} or "rating" <= {bottom}
    ) as extreme
) as placed
where "place" = 1 or "place" = "last" or "place" % (1 + "last" // {most}) = 0
