"""The kinds of strangers by name, each of them with the function that plants its accounts."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from scripts.evaluation.strangers import honest, practice, profiles
from scripts.evaluation.strangers.world import IntArray, World


@dataclass(frozen=True)
class Kind:
    """One kind of strangers: the rows of its accounts, and whether these are bad, and whose accounts they were."""

    rows: Callable[[World, IntArray], pd.DataFrame]
    bad: bool = True
    taken_over: bool = False  # the accounts are real users', whose ratings of its films the kind replaces

    @property
    def name(self) -> str:
        """As the tables call it."""
        return self.rows.__name__

    @property
    def words(self) -> str:
        """What its accounts do, in a sentence, with the source."""
        return " ".join((self.rows.__doc__ or "").split())


BAD = (
    Kind(profiles.random_push),
    Kind(profiles.average_push),
    Kind(profiles.average_nuke),
    Kind(profiles.bandwagon),
    Kind(profiles.reverse_bandwagon),
    Kind(profiles.segment),
    Kind(profiles.love_hate),
    Kind(profiles.popular_push),
    Kind(profiles.probe),
    Kind(profiles.noise_injection),
    Kind(profiles.user_shifting),
    Kind(profiles.average_over_popular),
    Kind(profiles.mixed),
    Kind(profiles.power_users),
    Kind(profiles.group_without_overlap),
    Kind(profiles.augmented_templates),
    Kind(practice.review_bomb),
    Kind(practice.throwaways),
    Kind(practice.angry_regulars),
    Kind(practice.taken_over_to_lower, taken_over=True),
    Kind(practice.taken_over_to_push, taken_over=True),
    Kind(practice.paid_reviewers),
    Kind(practice.agency),
    Kind(practice.sleepers),
    Kind(practice.resold),
    Kind(practice.one_after_another),
    Kind(practice.lone_pushers),
    Kind(practice.praise_ring),
    Kind(practice.unknown_film),
    Kind(practice.trickled_list),
    Kind(practice.click_farm),
    Kind(practice.exact_copies),
    Kind(practice.changed_copies),
    Kind(practice.crawler),
    Kind(practice.clockwork),
    Kind(practice.scripted_push),
    Kind(practice.random_bots),
    Kind(practice.single_rating_bots),
)
HONEST = tuple(
    Kind(rows, bad=False)
    for rows in (
        honest.newcomers_of_one_list,
        honest.festival_goers,
        honest.school_class,
        honest.couples,
        honest.film_fans,
        honest.imported_lists,
        honest.favourites_only,
        honest.night_owls,
    )
)
KINDS = {kind.name: kind for kind in BAD + HONEST}
