"""What can be asked: each answer is a dataclass, which a page shows and the API writes as JSON.

Everything is read through a `Scope`, in one moment of the database, by the functions that compliance reports are made
with: so the numbers are theirs. Knows neither Flask nor HTTP.
"""
