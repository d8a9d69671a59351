"""What a stranger can know of a delivery: its films, how they are rated, and when people were about."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]
DAY = 86_400
FEW_FILMS = 50  # fewer known films than this, and an early moment says more of the file than of the films


@dataclass(frozen=True)
class World:
    """The real ratings as strangers see them, and the dice with which they choose."""

    ratings: pd.DataFrame
    films: pd.DataFrame  # by movieId: n, mean, sd, first (the time of the first rating), genres
    rng: np.random.Generator

    @classmethod
    def of(cls, ratings: pd.DataFrame, movies: pd.DataFrame, rng: np.random.Generator) -> "World":
        """Summarise the delivery by film; films that nobody rated are no stranger's business."""
        films = ratings.groupby("movieId").agg(
            n=("rating", "size"), mean=("rating", "mean"), sd=("rating", "std"), first=("timestamp", "min")
        )
        films["sd"] = films["sd"].fillna(ratings["rating"].std())
        genres = movies.drop_duplicates("movieId").set_index("movieId")["genres"]
        films["genres"] = genres.reindex(films.index).fillna("")
        return cls(ratings, films, rng)

    # --- stars

    @property
    def top(self) -> float:
        """The best rating that there is."""
        return 5.0

    @property
    def step(self) -> float:
        """Half stars, unless the delivery is of whole ones (as MovieLens was until 2003)."""
        return 0.5 if (self.ratings["rating"] % 1 != 0).any() else 1.0

    @property
    def bottom(self) -> float:
        """The worst rating that there is."""
        return self.step

    def stars(self, wished: pd.Series) -> pd.Series:
        """The nearest ratings that the site accepts."""
        return ((wished / self.step).round() * self.step).clip(self.bottom, self.top)

    # --- films

    def size(self, least: int = 20, most: int = 200) -> int:
        """As many films as some real user rated, between bounds and what there is."""
        sizes = self.ratings.groupby("userId").size().to_numpy()
        return int(min(np.clip(self.rng.choice(sizes), least, most), len(self.films) // 2))

    def known(self, at: int) -> pd.DataFrame:
        """The films that somebody had rated by then: nobody rates a film that is yet to come."""
        known = self.films[self.films["first"] <= at]
        return known if len(known) >= FEW_FILMS else self.films

    def some(self, films: pd.DataFrame, k: int, weights: pd.Series | None = None) -> IntArray:
        """Some k of the films, each once."""
        p = None if weights is None else (weights / weights.sum()).to_numpy()
        chosen = self.rng.choice(films.index.to_numpy(), size=min(k, len(films)), replace=False, p=p)
        return np.asarray(chosen, dtype=np.int64)

    def anything(self, at: int, k: int) -> IntArray:
        """Some k films, known or obscure alike."""
        return self.some(self.known(at), k)

    def popular(self, at: int, k: int) -> IntArray:
        """The k films that most have rated."""
        return np.asarray(self.known(at)["n"].nlargest(k).index, dtype=np.int64)

    def middling(self, at: int, k: int = 1) -> IntArray:
        """Films that some know and few love: those which somebody would pay to have pushed."""
        films = self.known(at)
        fit = films[films["n"].between(5, 40) & (films["mean"] < 3.5)]
        return self.some(fit if len(fit) >= k else films, k)

    def loved(self, at: int, k: int = 1) -> IntArray:
        """Films that many know and like: those which somebody would want to see fall."""
        films = self.known(at)
        fit = films[(films["n"] >= films["n"].quantile(0.95)) & (films["mean"] >= 3.5)]
        return self.some(fit if len(fit) >= k else films, k)

    def obscure(self, at: int, k: int = 1) -> IntArray:
        """Films that hardly anybody has rated."""
        films = self.known(at)
        fit = films[films["n"] <= 3]
        return self.some(fit if len(fit) >= k else films, k)

    def genre(self, at: int, k: int) -> IntArray:
        """The k best known films of one of the commoner genres."""
        films = self.known(at)
        listed = films["genres"].str.split("|").explode()
        common = listed[listed != ""].value_counts().index[:8]
        name = self.rng.choice(common.to_numpy()) if len(common) else ""
        return np.asarray(films.loc[listed[listed == name].index.unique(), "n"].nlargest(k).index, dtype=np.int64)

    # --- opinions: a series of ratings by film

    def at(self, films: Iterable[int], star: float) -> pd.Series:
        """One and the same rating for all."""
        return pd.Series(star, index=pd.Index(list(films), dtype="int64"), dtype=float)

    def means(self, films: IntArray, noise: float = 0.0) -> pd.Series:
        """Each film's own mean, with as much noise as was asked for."""
        return self.stars(self.films.loc[films, "mean"] + self.rng.normal(0, noise, len(films)))

    def draws(self, films: IntArray) -> pd.Series:
        """Ratings as all ratings are spread, whatever the film."""
        every = self.ratings["rating"]
        return self.stars(pd.Series(self.rng.normal(every.mean(), every.std(), len(films)), index=films))

    def taste(self, films: IntArray) -> pd.Series:
        """What a person thinks: the film's mean, how strict they are, the genres they like, and their mood."""
        liked = self.films.loc[films, "genres"].str.contains(self.a_genre(), regex=False)
        wished = self.films.loc[films, "mean"] + self.rng.normal(0, 0.4) + self.rng.normal(0, 0.8, len(films))
        return self.stars(wished + 0.4 * liked)

    def person(self, at: int, size: int | None = None) -> pd.Series:
        """A human's opinions: well known films rather than others, of a favourite genre above all."""
        films = self.known(at)
        liked = films["genres"].str.contains(self.a_genre(), regex=False)
        chosen = self.some(films, size or self.size(), films["n"] * (1 + 2 * liked))
        return self.taste(chosen)

    def a_genre(self) -> str:
        """One of the genres that people have as their favourites."""
        return str(self.rng.choice(["Action", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi", "Thriller"]))

    def of_user(self, at: int, least: int = 0) -> pd.Series:
        """What some real user (of at least so many ratings) thinks of the films that were known by then."""
        sizes = self.ratings.groupby("userId").size()
        fit = sizes[sizes >= least] if (sizes >= least).any() else sizes
        return self.opinions_of(int(self.rng.choice(fit.index.to_numpy())), at)

    def opinions_of(self, user: int, at: int) -> pd.Series:
        """What this real user thinks of the films that were known by then."""
        theirs = self.ratings[self.ratings["userId"] == user].drop_duplicates("movieId").set_index("movieId")["rating"]
        return theirs[theirs.index.isin(self.known(at).index)]

    # --- times

    def period(self, days: float, after: int = 0) -> tuple[int, int]:
        """So many days (at most four fifths of all that there are) which begin when somebody was about."""
        times = self.ratings["timestamp"]
        length = int(min(days * DAY, 0.8 * (times.max() - times.min())))
        begins = times[times.between(after, times.max() - length)]
        begin = int(self.rng.choice(begins.to_numpy())) if len(begins) else int(times.max()) - length
        return begin, begin + length

    def all_there(self, users: IntArray) -> int:
        """When the last of these users gave a first rating."""
        return int(self.ratings[self.ratings["userId"].isin(users)].groupby("userId")["timestamp"].min().max())

    def moment(self, period: tuple[int, int]) -> int:
        """Any second of the period."""
        return int(self.rng.integers(period[0], period[1] + 1))

    def sitting(self, begin: int, k: int, seconds: float = 8.0) -> IntArray:
        """The times of k ratings by a human hand: some seconds apart, now and then a pause."""
        gaps = self.rng.lognormal(np.log(seconds), 1.0, k) * np.where(self.rng.random(k) < 0.02, 30, 1)
        return begin + np.cumsum(gaps).astype(np.int64)

    def evenings(self, period: tuple[int, int], k: int) -> IntArray:
        """The times of k ratings in some sittings over the period, in order."""
        begins = [self.moment(period) for _ in range(max(2, k // 15))]
        parts = np.array_split(np.arange(k), len(begins))
        return np.sort(np.concatenate([self.sitting(b, len(p)) for b, p in zip(begins, parts, strict=True)]))

    def clock(self, begin: int, k: int, seconds: int) -> IntArray:
        """The times of k ratings by a machine: every so many seconds."""
        return begin + seconds * np.arange(k, dtype=np.int64)

    def shuffled(self, opinions: pd.Series) -> pd.Series:
        """The same opinions, given in another order."""
        return opinions.iloc[self.rng.permutation(len(opinions))]


def profile(account: int, opinions: pd.Series, times: IntArray) -> pd.DataFrame:
    """An account's rows: its opinions in their order, at these times."""
    return pd.DataFrame(
        {
            "userId": np.int64(account),
            "movieId": opinions.index.to_numpy(dtype=np.int64),
            "rating": opinions.to_numpy(dtype=float),
            "timestamp": times,
        }
    )


def joined(opinions: pd.Series, *further: pd.Series) -> pd.Series:
    """All these opinions; of two about one film, the later."""
    every = pd.concat([opinions, *further])
    return every[~every.index.duplicated(keep="last")]


def sittings(
    world: World, accounts: IntArray, period: tuple[int, int], opinions: Callable[[], pd.Series], seconds: float = 8.0
) -> pd.DataFrame:
    """Each account gives opinions of its own in one sitting, somewhen in the period."""
    rows = []
    for account in accounts:
        given = opinions()
        rows.append(profile(int(account), given, world.sitting(world.moment(period), len(given), seconds)))
    return pd.concat(rows)
