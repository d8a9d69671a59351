-- How many usable ratings (profiles.sql), film and level, the two users of each pair have in common.
select pairs."userId", pairs."otherId", count(distinct mine."movieId") as "common"
from {pairs} as pairs
join ({ratings}) as mine on mine."userId" = pairs."userId"
join ({ratings}) as theirs
    on theirs."userId" = pairs."otherId"
    and theirs."movieId" = mine."movieId"
    and round(theirs."rating" * 2) = round(mine."rating" * 2)
group by pairs."userId", pairs."otherId"
