"""Which of review's dead letters are outdated: a review asked for since replaces one under the same id."""

from shared.events import REVIEWS

LATER = {REVIEWS: "EXISTS (SELECT FROM task k WHERE k.task_id = d.subject AND k.request_version >= d.sequence)"}
