"""When an undelivered notification is tried again. Pure."""

# Standard Webhooks 1.0, "Deliverability and reliability": after the first try
DELAYS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
JITTER = 0.1  # up to so much of a delay is added, so that retries spread
LONGEST_RETRY_AFTER_S = 86_400.0


def retry_at(
    attempts: int, now: float, chance: float, retry_after_s: float | None = None
) -> float | None:
    """When to try after `attempts` tries, in epoch seconds; None: give up.

    `chance` (0..1) makes the jitter; the receiver's Retry-After may lengthen the
    delay, but never over a day.
    """
    if attempts > len(DELAYS_S):
        return None
    delay = DELAYS_S[attempts - 1] * (1 + JITTER * chance)
    return now + max(delay, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
