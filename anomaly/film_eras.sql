-- How many usable ratings (of profiles.sql) each film has in each era that has any.
select "movieId", {era} as "era", count(*) as "ratings"
from ({ratings}) as usable
group by 1, 2
