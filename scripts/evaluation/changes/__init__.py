"""A second catalogue of planted changes, written from what happens to pipelines of ratings.

Whoever wrote it had read neither the report's code and list of features, nor the shifts that it was tuned with.
The rule: nobody tunes the drift report on these. They tell how well what was tuned elsewhere carries over; a feature
or a bound that is fitted to them ends that. A kind that passes unseen is a finding to write down, no fault to mend
until it is found in other data, too. Nor is a plant changed after its figures are known, but for a plain bug.
"""
