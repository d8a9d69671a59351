"""A second generator of bad users, and of honest but odd ones, written without sight of the detectors.

Its attackers come from the literature and from what people are known to do, not from what the detectors look for; nor
does it share code with the simulation on which these were developed. Hence the rule: **nobody tunes a detector, a bound
or a feature on these users.** They tell how well what was tuned elsewhere carries over, and can tell it only as long as
nothing was fitted to them. A new kind is added from a source (a paper, a practice), before it is measured.
"""
