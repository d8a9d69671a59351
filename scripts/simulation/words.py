"""Invented titles and tags, in the shapes that MovieLens's have."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PLACES = (
    "Antwerp", "Bergen", "Cádiz", "Dakar", "Évora", "Fargo", "Göteborg", "Havana", "Izmir", "Jaffa", "Kraków",
    "Lagos", "Málaga", "Naples", "Odesa", "Perth", "Québec", "Riga", "São Paulo", "Tromsø", "Uppsala",
    "Valparaíso", "Zürich",
)  # fmt: skip
ADJECTIVES = _words_of("""
    Amber Ancient Bitter Blind Blue Borrowed Brave Bright Broken Burning Careless Certain Cold Copper
    Crooked Crystal Curious Dancing Dark Deep Distant Double Dry Eager Early Electric Empty Endless
    Faint Fallen Familiar Fearless Feral Final Fragile Frozen Gentle Gilded Golden Grateful Green Half
    Hidden Hollow Honest Hungry Idle Imperfect Invisible Iron Jealous Last Late Lazy Lonely Long Lost
    Loud Lucky Mad Missing Modern Narrow Nervous New Northern Numb Obedient Old Open Ordinary Pale Paper
    Patient Perfect Polite Proud Quiet Random Reckless Red Restless Rusty Sacred Scarlet Second Secret
    Shallow Sharp Silent Silver Simple Sleeping Slow Small Solemn Southern Stolen Strange Stubborn
    Sudden Sunken Sweet Tender Thirsty Torn Twisted Uncertain Unfinished Unlikely Vacant Velvet Violet
    Wandering Warm Weightless White Wicked Wild Winter Wooden Young
""")
NOUNS = _words_of("""
    Acrobat Affair Afternoon Airport Alibi Anchor Apartment Archive Armada Arrow Astronaut Attic
    Avalanche Bakery Balcony Bandit Bargain Barricade Beacon Bicycle Boulevard Bridge Cabin Canyon
    Captain Carnival Castle Cathedral Chorus Circus Clock Coast Colony Comet Compass Confession Corridor
    Country Courtyard Crossing Crown Daughter Debt Desert Detective Diary Diver Doctor Dynasty Echo
    Embassy Engine Envelope Errand Estate Evening Evidence Exile Factory Farewell Ferry Festival
    Fisherman Forest Fortune Fountain Frontier Garden Ghost Glacier Guardian Guest Harbor Harvest Heir
    Highway Holiday Horizon Hostage Hotel Hour House Hunter Illusion Inheritance Innocent Island Journey
    Judge Jungle Kingdom Kitchen Labyrinth Ladder Lagoon Lantern Letter Library Lighthouse Machine
    Magician Map Market Mask Messenger Midnight Mirror Monsoon Mountain Museum Neighbor Notebook Oath
    Ocean Orchard Orchestra Outpost Painter Parade Passenger Pilot Planet Postcard Prison Promise
    Prophet Quarry Railway Rebellion Reunion Ransom River Robot Rumor Sailor Sanctuary Season Shadow
    Shore Signal Soldier Staircase Station Stranger Summer Surgeon Telegram Theater Thief Tower Traveler
    Treasure Trial Tunnel Umbrella Valley Verdict Village Visitor Volcano Voyage Waltz Warehouse Widow
    Window Witness Workshop Zoo
""")
QUALITIES = _words_of("""
    atmospheric beautiful boring bleak chilling clever confusing cozy dark dated dreamlike dull
    emotional feel-good fast-paced funny gritty haunting heartwarming hilarious intense melancholy moody
    overlong predictable quirky realistic sad satirical slow stylish surreal suspenseful tense
    thoughtful touching violent weird witty
""")
SUBJECTS = _words_of("""
    acting adaptation animals aliens art atmosphere cast childhood chase conspiracy costumes courtroom
    dialogue dystopia ending family friendship future ghosts heist history hostage journalism justice
    love magic marriage memory military money monsters mountains murder music nature parenthood plot
    politics prison racing religion revenge robots romance school score sea soundtrack space spies
    sports story superhero survival trains twist war western winter writing
""")


def vocabulary() -> list[str]:
    """List tags from the common to the rare: single words first, then pairs; some capitalised."""
    pairs = [f"{quality} {subject}" for subject, quality in product(SUBJECTS, QUALITIES)]
    stride = 1009  # a prime that does not divide the number of pairs: neighbours in the list are unlike
    mixed = [pairs[(place * stride) % len(pairs)] for place in range(len(pairs))]
    singles = [word for both in zip(QUALITIES, SUBJECTS, strict=False) for word in both]
    tags = list(dict.fromkeys(singles + mixed))
    return [tag.capitalize() if place % 9 == 4 else tag for place, tag in enumerate(tags)]


def titles(films: Sequence[int], releases: Sequence[int]) -> list[str]:
    """Name films, articles at the end as MovieLens puts them; a second of a name and year is its part 2."""
    seen: Counter[tuple[str, int]] = Counter()
    named = []
    for film, release in zip(films, releases, strict=True):
        name = _name(film)
        seen[name, release] += 1
        part = seen[name, release]
        named.append(f"{name} ({release})" if part == 1 else f"{name}: Part {part} ({release})")
    return named


def _name(film: int) -> str:
    serial = (film + 1) * 0x9E3779B97F4A7C15 % 2**64 >> 20  # Fibonacci hashing scatters neighbours
    pattern, serial = serial % 100, serial // 100
    adjective = ADJECTIVES[serial % len(ADJECTIVES)]
    noun = NOUNS[serial // len(ADJECTIVES) % len(NOUNS)]
    place = PLACES[serial // (len(ADJECTIVES) * len(NOUNS)) % len(PLACES)]
    return _words(pattern, adjective, noun, place)


def _words(pattern: int, adjective: str, noun: str, place: str) -> str:
    if pattern < 30:
        return f"{adjective} {noun}"
    if pattern < 48:
        return f"{adjective} {noun}, The"
    if pattern < 58:
        return f"{noun} of {place}, The"
    if pattern < 68:
        return f"{adjective} in {place}"
    if pattern < 74:
        return f"{adjective} {noun}, A" if adjective[0] not in "AEIOU" else f"{adjective} {noun}, An"
    return _rarer_words(pattern, adjective, noun, place)


def _rarer_words(pattern: int, adjective: str, noun: str, place: str) -> str:
    if pattern < 84:
        return f"{place}: The {adjective} {noun}"
    if pattern < 90:
        return f"{adjective} {noun} II"
    if pattern < 94:
        return f"{noun}, {adjective} and {place}"
    if pattern < 97:
        return f"{noun} from {place}, The (a.k.a. {adjective} {noun})"
    if pattern < 99:
        return f"{adjective} {noun}'s {place}"
    return f'"{adjective}" {noun} in {place}'
