-- Every film that is rated or catalogued, with what the catalogue says of it. A film listed twice is taken once.
select
    known."movieId",
    min(movies."title") as "title",
    min(movies."genres") as "genres"
from (
    select distinct "movieId" from ratings where "movieId" is not null
) as known
left join movies on movies."movieId" = known."movieId"
group by known."movieId"
order by known."movieId"
