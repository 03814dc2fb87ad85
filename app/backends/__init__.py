"""Other people's servers as those see them who ask or fill them: drivers, a pool, a breaker, turns.

Authentication and rules both need them; this room knows neither.
"""
