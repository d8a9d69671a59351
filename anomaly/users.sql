-- One row for every user of `ratings`: where it starts in the file, the lab's three features, how many rows can be used
-- (the conditions are those of profiles.sql), and what tells that a column was damaged.
-- A level beyond 1e30 is no scale's: its square is beyond a double, and the engine would end the query, so that one cell
-- kept everybody from being judged. The suites name the cell.
select
    "userId",
    min("source_line") as "source_line",
    count(*) as "n_ratings",
    avg(case when abs("rating") < 1e30 then "rating" end) as "mean_rating",
    stddev_samp(case when abs("rating") < 1e30 then "rating" end) as "std_rating",
    sum(case when "movieId" is not null
              and "timestamp" between 0 and 4102444800000
              and "rating" between 0.5 and 5.0 then 1 else 0 end) as "n_usable",
    sum(case when "rating" between 0.5 and 5.0 and floor("rating" * 2) = "rating" * 2 then 0
             when "rating" is not null then 1 else 0 end) as "n_off_scale",
    sum(case when "timestamp" % 60 = 0 then 1 else 0 end) as "n_full_minutes",
    min("timestamp") as "first_rated",
    max("timestamp") as "last_rated"
from ratings
where "userId" is not null
group by "userId"
order by "userId"
